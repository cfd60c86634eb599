trait Scale { fn scale(&self, by: u8) -> u8; }
struct N(u8);
impl Scale for N { fn scale(&self) -> u8 { self.0 } }
fn main() { println!("{}", N(1).scale()); }
