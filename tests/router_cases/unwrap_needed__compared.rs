use std::collections::HashMap;
fn main() { let m: HashMap<&str, u32> = HashMap::new(); if m.get("a") > 3 { println!("x"); } }
