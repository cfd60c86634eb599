fn own(name: &String) -> String { *name }
fn main() { println!("{}", own(&String::new())); }
