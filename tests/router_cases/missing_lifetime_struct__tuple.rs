struct Wrapper(&str);
fn main() { println!("{}", Wrapper("a").0); }
