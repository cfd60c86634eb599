struct Tally { hits: u32 }
fn main() { let mut t = Tally { hits: 0 }; t += 1; println!("{}", t.hits); }
