fn main() { let first = [1, 2].iter().next()?; println!("{first}"); }
