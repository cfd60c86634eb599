static LEVEL: u32 = 1;
fn main() { LEVEL = 2; }
