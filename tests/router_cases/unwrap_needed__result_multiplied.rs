fn main() { let n = "3".parse::<u8>(); println!("{}", n * 2); }
