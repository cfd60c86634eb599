struct Badge;
fn main() { println!("{}", Badge.to_string().len()); }
