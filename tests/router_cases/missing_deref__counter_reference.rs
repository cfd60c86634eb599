use std::collections::HashMap;
fn main() { let mut m: HashMap<&str, u32> = HashMap::new(); let c = m.entry("a").or_insert(0); c += 1; }
