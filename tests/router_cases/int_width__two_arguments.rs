struct P;
impl P { fn put(&self, a: u64, b: u64) -> u64 { a + b } }
fn main() { let (x, y): (u32, usize) = (1, 2); println!("{}", P.put(x, y)); }
