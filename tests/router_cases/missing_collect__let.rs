fn main() { let up: Vec<String> = ["a"].iter().map(|s| s.to_uppercase()); println!("{:?}", up); }
