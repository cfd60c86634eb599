fn drive(step: impl FnMut(u8)) { step(1); }
fn main() { let mut t = 0; drive(|n| t += n); println!("{t}"); }
