struct Cat;
impl Cat { fn purr(&self) -> u8 { 1 } }
fn main() { let cats = vec![Cat]; println!("{}", cats.iter().next().purr()); }
