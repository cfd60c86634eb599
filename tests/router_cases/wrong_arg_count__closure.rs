fn main() { let add = |a: u8, b: u8| a + b; println!("{}", add(1)); }
