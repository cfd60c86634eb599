fn main() { println!("{}", zebra); }
