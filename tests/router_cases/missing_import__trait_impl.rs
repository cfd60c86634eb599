struct A;
impl Display for A { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "a") } }
fn main() { println!("{}", A); }
