mod units { pub struct Km(f64); impl Km { pub fn get(&self) -> f64 { self.0 } } }
fn main() { println!("{}", units::Km(1.0).get()); }
