fn main() { let n = if true { 1 } else { "one" }; println!("{n}"); }
