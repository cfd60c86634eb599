trait Name { fn name(&self) -> String; }
struct Cat;
impl Name for Cat { fn name() -> String { String::from("cat") } }
fn main() { let _ = Cat; }
