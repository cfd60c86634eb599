struct Reel { n: u8 }
impl Reel { fn empty() -> Reel { Reel { n: 0 } } }
fn main() { println!("{}", Reel::blank_one().n); let _ = Reel::empty; }
