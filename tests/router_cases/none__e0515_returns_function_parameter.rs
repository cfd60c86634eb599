fn trimmed(line: String) -> &'static str { line.trim() }
fn main() { println!("{}", trimmed(String::new())); }
