fn run(f: impl Fn() -> Vec<u8>) -> usize { f().len() }
fn main() { let data = vec![1]; println!("{}", run(move || data)); }
