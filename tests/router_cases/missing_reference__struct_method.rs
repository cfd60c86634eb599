struct P(u8);
impl P { fn far(&self, other: &P) -> u8 { self.0.abs_diff(other.0) } }
fn main() { println!("{}", P(1).far(P(3))); }
