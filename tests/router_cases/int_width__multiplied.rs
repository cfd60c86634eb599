fn main() { let a: u8 = 1; let b: u64 = 2; println!("{}", b * a); }
