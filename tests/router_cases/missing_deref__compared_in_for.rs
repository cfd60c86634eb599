fn main() { for n in &[1, 2] { if n == 2 { println!("two"); } } }
