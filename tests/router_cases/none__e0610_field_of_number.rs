fn main() { let n = 1u8; println!("{}", n.value); }
