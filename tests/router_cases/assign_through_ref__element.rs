fn zero(cells: &[u8]) { cells[0] = 0; }
fn main() { zero(&[1]); }
