use std::{cell::Cell, thread};
fn main() { let c = Cell::new(1); thread::scope(|s| { s.spawn(|| c.set(2)); }); }
