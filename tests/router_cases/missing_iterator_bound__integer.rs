fn main() { for i in 5 { println!("{i}"); } }
