fn read(text: &str) -> u8 { let n: u8 = text.parse()?; n }
fn main() { println!("{}", read("1")); }
