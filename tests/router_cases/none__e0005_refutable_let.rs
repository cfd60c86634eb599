fn main() { let Some(n) = Some(1u8).filter(|n| *n > 3); println!("{n}"); }
