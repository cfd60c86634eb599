fn main() { let v: Vec<u8> = vec![1].map(|x| x + 1).collect(); println!("{:?}", v); }
