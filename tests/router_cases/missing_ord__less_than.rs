struct Size(u8);
fn main() { println!("{}", Size(1) < Size(2)); }
