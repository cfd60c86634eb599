fn port(text: &str) -> Option<u16> { let p = text.parse::<u16>()?; Some(p + 1) }
fn main() { println!("{:?}", port("1")); }
