fn beep() {}
fn main() { println!("{}", beep()); }
