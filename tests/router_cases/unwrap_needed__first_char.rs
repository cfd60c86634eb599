fn initial(name: &str) -> char { name.chars().next() }
fn main() { println!("{}", initial("a")); }
