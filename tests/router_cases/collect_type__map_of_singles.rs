use std::collections::BTreeMap;
fn main() { let m: BTreeMap<u8, u8> = vec![1u8].into_iter().collect(); println!("{}", m.len()); }
