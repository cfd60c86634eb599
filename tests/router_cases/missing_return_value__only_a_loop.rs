fn count(v: &[u8]) -> usize { let mut n = 0; for _ in v { n += 1; } }
fn main() { println!("{}", count(&[])); }
