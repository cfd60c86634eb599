use std::collections::HashMap;
struct Isbn(u64);
fn find(m: &HashMap<Isbn, u8>, key: &Isbn) -> bool { m.contains_key(key) }
fn main() { let _ = find; }
