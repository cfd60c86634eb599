fn main() { let a: u8 = 1; let b: i32 = 2; println!("{}", b > a); }
