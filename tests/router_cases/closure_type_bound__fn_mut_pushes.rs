fn run(f: impl Fn()) { f(); }
fn main() { let mut out = vec![1]; run(|| out.push(2)); }
