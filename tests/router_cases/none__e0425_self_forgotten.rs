struct A { total: u8 }
impl A { fn show(&self) -> u8 { total + 1 } }
fn main() { println!("{}", A { total: 1 }.show()); }
