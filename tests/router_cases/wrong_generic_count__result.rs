fn load() -> Result<u8, String, u8> { Ok(1) }
fn main() { let _ = load(); }
