fn main() { let v = vec![1u8]; let w = [2u8]; println!("{}", w.iter().any(|n| v.contains(*n))); }
