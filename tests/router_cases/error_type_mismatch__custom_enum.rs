#[derive(Debug)]
enum Bad { Utf }
fn text(raw: Vec<u8>) -> Result<String, Bad> { let s = String::from_utf8(raw)?; if s.is_empty() { return Err(Bad::Utf); } Ok(s) }
fn main() { println!("{:?}", text(vec![])); }
