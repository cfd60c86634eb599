fn area(w: u8, name: &str) -> usize { w as usize + name.len() }
fn main() { println!("{}", area("a", 1)); }
