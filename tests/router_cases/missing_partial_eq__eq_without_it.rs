#[derive(Eq)]
struct Id(u8);
fn main() { let _ = Id(1).0; }
