fn bytes(n: u8) -> Result<Vec<u16>, String> { vec![n] }
fn main() { println!("{:?}", bytes(1)); }
