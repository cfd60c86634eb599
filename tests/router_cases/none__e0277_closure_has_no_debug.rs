fn main() { let f = |x: u8| x; println!("{:?}", f); }
