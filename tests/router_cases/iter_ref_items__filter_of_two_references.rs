fn main() { let v = vec![1u32, 2]; println!("{:?}", v.iter().filter(|n| n > 1).count()); }
