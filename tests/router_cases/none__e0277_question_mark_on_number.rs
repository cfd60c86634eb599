fn read(n: u8) -> Option<u8> { let m = n?; Some(m) }
fn main() { println!("{:?}", read(1)); }
