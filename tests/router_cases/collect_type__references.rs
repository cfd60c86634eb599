fn main() { let v = [1, 2]; let w: Vec<i32> = v.iter().collect(); println!("{:?}", w); }
