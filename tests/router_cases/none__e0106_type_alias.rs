type Name = &str;
fn main() { let n: Name = "a"; println!("{n}"); }
