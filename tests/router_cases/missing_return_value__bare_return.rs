fn area(w: u32) -> u32 { if w == 0 { return; } w }
fn main() { println!("{}", area(1)); }
