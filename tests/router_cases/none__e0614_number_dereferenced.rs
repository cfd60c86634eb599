fn main() { let depth = 4u8; println!("{}", *depth + 1); }
