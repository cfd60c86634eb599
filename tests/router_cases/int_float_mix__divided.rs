fn main() { let n: usize = 3; println!("{}", 1.5 / n); }
