fn main() { let n = "1".parse().unwrap(); println!("{:?}", n); }
