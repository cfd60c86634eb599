fn run() -> Result<u8, String> { Ok(1); }
fn main() { println!("{:?}", run()); }
