mod shop { pub struct Till; impl Till { fn ring(&self) -> u8 { 1 } pub fn go(&self) -> u8 { self.ring() } } }
fn main() { println!("{} {}", shop::Till.ring(), shop::Till.go()); }
