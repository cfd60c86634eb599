fn size(v: &[u8]) -> u64 { v.len() }
fn main() { println!("{}", size(&[])); }
