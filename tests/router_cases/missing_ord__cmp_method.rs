struct Size(u8);
fn main() { println!("{:?} {}", Size(1).cmp(&Size(2)), Size(1).0); }
