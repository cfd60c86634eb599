trait Make { fn make() -> u8; }
struct A;
impl Make for A { fn make() -> u8 { 1 } }
fn main() { println!("{}", Make::make()); let _ = A; }
