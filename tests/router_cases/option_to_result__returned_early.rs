fn third(list: &[u8]) -> Result<&u8, String> { if list.len() > 9 { return list.get(2); } Err(String::new()) }
fn main() { println!("{:?}", third(&[])); }
