fn go(n: u8) -> Result<(), String> { if n > 3 { return; } Err("x".to_string()) }
fn main() { println!("{:?}", go(1)); }
