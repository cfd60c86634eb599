fn main() { let a = "x"; let b = "y"; println!("{}", a + b); }
