fn main() { let v = vec![1, 2]; println!("{}", v.iter().fold(|a, x| a + x)); }
