use std::collections::BTreeMap;
fn names(m: &BTreeMap<String, u8>) -> Vec<String> { m.keys().cloned() }
fn main() { println!("{:?}", names(&BTreeMap::new())); }
