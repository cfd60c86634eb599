fn f(a: u32, b: u64) -> u64 { u64::from(a) + b }
fn main() { let a: u32 = 1; let b: u64 = 2; println!("{}", f(b, a)); }
