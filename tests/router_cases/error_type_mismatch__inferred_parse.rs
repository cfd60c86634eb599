#[derive(Debug)]
struct Oops;
fn read(text: &str) -> Result<u16, Oops> { if text.is_empty() { return Err(Oops); } let n = text.parse()?; Ok(n) }
fn main() { println!("{:?}", read("1")); }
