#[derive(PartialEq)]
struct Lap { ms: u32 }
fn main() { let mut laps = vec![Lap { ms: 3 }]; laps.sort_unstable(); println!("{}", laps[0].ms); }
