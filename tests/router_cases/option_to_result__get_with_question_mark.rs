fn third(list: &[u8]) -> Result<u8, String> { let n = list.get(2)?; Ok(*n) }
fn main() { println!("{:?}", third(&[])); }
