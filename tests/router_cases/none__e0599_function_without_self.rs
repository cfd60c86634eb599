struct P { n: u8 }
impl P { fn double(n: u8) -> u8 { n * 2 } }
fn main() { let p = P { n: 1 }; println!("{}", p.double(p.n)); }
