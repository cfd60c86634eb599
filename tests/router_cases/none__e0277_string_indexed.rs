fn main() { let s = String::from("abc"); println!("{}", s[0]); }
