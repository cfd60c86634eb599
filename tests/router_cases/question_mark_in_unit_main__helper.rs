fn report(text: &str) { let n: u8 = text.parse()?; println!("{n}"); }
fn main() { report("1"); }
