fn main() { let v = vec![1, 2]; let w: Vec<i32> = v.map(|n| n + 1).collect(); println!("{:?}", w); }
