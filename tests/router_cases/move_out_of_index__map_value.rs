use std::collections::HashMap;
fn main() { let m: HashMap<u8, String> = HashMap::new(); let s = m[&1]; println!("{s}"); }
