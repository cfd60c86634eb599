mod bank { pub struct Acc { cents: u8 } impl Acc { pub fn cents(&self) -> u8 { self.cents } } }
fn main() { println!("{}", bank::Acc { cents: 1 }.cents()); }
