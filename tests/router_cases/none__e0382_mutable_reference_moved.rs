fn fill(buf: &mut Vec<u8>) { let other = buf; other.push(1); buf.push(2); }
fn main() { fill(&mut vec![]); }
