mod bank { #[derive(Default)] pub struct Acc { cents: u8 } impl Acc { pub fn new() -> Self { Self::default() } pub fn cents(&self) -> u8 { self.cents } } }
fn main() { let mut a = bank::Acc::new(); a.cents = 3; println!("{}", a.cents()); }
