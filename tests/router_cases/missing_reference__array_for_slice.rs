fn sum(v: &[u8]) -> u8 { v.iter().sum() }
fn main() { println!("{}", sum([1, 2])); }
