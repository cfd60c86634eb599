fn half(n: u8) -> Result<u8, String> { if n == 0 { return 0; } Ok(n / 2) }
fn main() { println!("{:?}", half(1)); }
