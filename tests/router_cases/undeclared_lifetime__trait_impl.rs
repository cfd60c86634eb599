struct View<'v>(&'v str);
trait Show { fn show(&self) -> String; }
impl Show for View<'v> { fn show(&self) -> String { self.0.to_string() } }
fn main() { println!("{}", View("a").show()); }
