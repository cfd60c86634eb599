fn title(n: u8) -> Result<String, u8> { if n > 9 { return Err(n); } format!("no. {n}") }
fn main() { println!("{:?}", title(1)); }
