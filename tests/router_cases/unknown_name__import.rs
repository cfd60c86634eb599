mod tools { pub fn sharpen() -> u8 { 3 } }
use tools::sharpn;
fn main() { println!("{}", sharpn()); }
