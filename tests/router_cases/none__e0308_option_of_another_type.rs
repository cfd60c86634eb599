fn pick() -> u32 { Some("three") }
fn main() { println!("{}", pick()); }
