mod limits { const MAX: u8 = 3; pub fn twice() -> u8 { MAX * 2 } }
fn main() { println!("{} {}", limits::MAX, limits::twice()); }
