struct Reel { n: u8 }
impl Reel { fn with_turns(n: u8) -> Reel { Reel { n } } }
fn main() { println!("{}", Reel::of(3).n); }
