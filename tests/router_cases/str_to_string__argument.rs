fn shout(text: String) -> String { text + "!" }
fn main() { println!("{}", shout("a")); }
