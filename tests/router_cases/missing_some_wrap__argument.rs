fn greet(name: Option<&str>) -> usize { name.map_or(0, |n| n.len()) }
fn main() { println!("{}", greet("bo")); }
