fn square(n: i64) -> i64 { n * n }
fn main() { let n = 3; let r = &n; println!("{}", square(r)); }
