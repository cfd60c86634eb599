fn pair(name: String) -> (String, String) { (name, name) }
fn main() { println!("{:?}", pair(String::new())); }
