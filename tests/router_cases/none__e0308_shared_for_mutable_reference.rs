fn grow(v: &mut Vec<u8>) { v.push(1); }
fn main() { let mut v = vec![]; grow(&v); v.clear(); }
