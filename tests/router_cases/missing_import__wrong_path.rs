use std::HashMap;
fn main() { let m: HashMap<u32, u32> = HashMap::new(); println!("{}", m.len()); }
