struct Leg { km: u8 }
fn copy(legs: &[Leg]) -> Vec<Leg> { legs.iter().map(|leg| leg.clone()).collect() }
fn main() { println!("{}", copy(&[Leg { km: 1 }])[0].km); }
