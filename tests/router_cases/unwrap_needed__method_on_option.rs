fn main() { let list = vec![String::from("a")]; println!("{}", list.first().len()); }
