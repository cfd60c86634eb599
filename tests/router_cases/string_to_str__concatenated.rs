fn main() { let a = String::from("a"); let b = String::from("b"); println!("{}", a + b); }
