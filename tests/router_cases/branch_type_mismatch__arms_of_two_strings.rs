fn name(n: u8) -> String { let s = match n { 0 => String::from("zero"), _ => "many" }; s.to_uppercase() }
fn main() { println!("{}", name(1)); }
