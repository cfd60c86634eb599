use std::collections::HashMap;
#[derive(PartialEq, Hash)]
struct Plate(u32);
fn main() { let mut m = HashMap::new(); m.insert(Plate(1), "x"); }
