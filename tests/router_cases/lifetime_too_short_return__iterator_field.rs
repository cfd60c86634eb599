struct Words<'a> { text: &'a str }
impl<'a> Words<'a> { fn set(&mut self, text: &str) { self.text = text; } }
fn main() { let mut w = Words { text: "a" }; w.set("b"); }
