fn main() { let x = Default::default(); let _ = x; }
