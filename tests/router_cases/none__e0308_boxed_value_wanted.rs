fn boxed() -> Box<u8> { 1 }
fn main() { println!("{}", boxed()); }
