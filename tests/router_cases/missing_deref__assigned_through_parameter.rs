fn reset(level: &mut u8) { level = 3; }
fn main() { let mut n = 1; reset(&mut n); println!("{n}"); }
