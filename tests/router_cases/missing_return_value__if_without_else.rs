fn sign(n: i8) -> i8 { if n < 0 { -1 } }
fn main() { println!("{}", sign(1)); }
