struct Words<'a> { text: &'a str }
impl Words { fn first(&self) -> &str { self.text } }
fn main() { println!("{}", Words { text: "a" }.first()); }
