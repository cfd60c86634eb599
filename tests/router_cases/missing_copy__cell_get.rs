use std::cell::Cell;
#[derive(Clone)]
struct Dot { x: u8 }
fn main() { let c = Cell::new(Dot { x: 1 }); println!("{}", c.get().x); }
