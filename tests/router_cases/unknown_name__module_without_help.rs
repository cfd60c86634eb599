mod geometry { pub fn area(n: u8) -> u8 { n * n } }
fn main() { println!("{}", geomtry::area(2)); }
