trait Pick { fn pick<'a>(&self, a: &'a str, b: &str) -> &'a str; }
struct First;
impl Pick for First { fn pick(&self, a: &str, b: &str) -> &str { a } }
fn main() { println!("{}", First.pick("a", "b")); }
