mod ext { pub trait Twice { fn twice(&self) -> u8; } impl Twice for u8 { fn twice(&self) -> u8 { self * 2 } } }
fn main() { println!("{}", 3u8.twice()); }
