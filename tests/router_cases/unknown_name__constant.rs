const MAX_DEPTH: u8 = 3;
fn main() { println!("{}", MAX_DEPHT); }
