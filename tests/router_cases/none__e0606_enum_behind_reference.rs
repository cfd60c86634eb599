fn main() { let t = (1, 2); println!("{}", &t as u8); }
