fn port(text: &str) -> Option<u16> { text.parse::<u16>() }
fn main() { println!("{:?}", port("1")); }
