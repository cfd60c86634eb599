fn main() { let s = [1u8].iter().sum(); println!("{}", s); }
