fn check(n: u8) -> Result<(), String> { if n > 3 { return Err(String::new()); } println!("fine"); }
fn main() { println!("{:?}", check(1)); }
