fn main() { let words = [String::from("a")]; let w = words[0]; println!("{w}"); }
