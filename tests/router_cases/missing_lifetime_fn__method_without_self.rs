struct Desk;
impl Desk { fn pick(a: &str, b: &str) -> &str { if a > b { a } else { b } } }
fn main() { println!("{}", Desk::pick("a", "b")); }
