fn main() { println!("{}", vec![1, 2].iter().filter(|n| n % 2 == 0).count()); }
