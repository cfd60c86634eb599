fn main() { let v = vec![1i32]; let s: i64 = v.iter().map(|n| n as i64).sum(); println!("{s}"); }
