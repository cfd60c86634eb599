use std::fmt;

trait Priced {
    fn cents(&self) -> u32;
}

trait Article: Priced + fmt::Display {}

struct Bulb(u32);
struct Cable {
    metres: u32,
}

impl Priced for Bulb {
    fn cents(&self) -> u32 { 199 + self.0 * 2 }
}
impl Priced for Cable {
    fn cents(&self) -> u32 { self.metres * 85 }
}
impl fmt::Display for Bulb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "bulb {} W", self.0) }
}
impl fmt::Display for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "cable {} m", self.metres) }
}
impl Article for Bulb {}
impl Article for Cable {}

fn receipt(basket: &[Box<dyn Priced + fmt::Display>]) -> u32 {
    for article in basket {
        println!("{:<12}{:>6}", article.to_string(), article.cents());
    }
    basket.iter().map(|article| article.cents()).sum()
}

fn main() {
    println!("due: {}", receipt(&[Box::new(Bulb(40)), Box::new(Cable { metres: 12 })]));
}
