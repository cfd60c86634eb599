use std::collections::HashMap;
fn count<K>(keys: Vec<K>) -> HashMap<K, u8> { let mut m = HashMap::new(); for k in keys { m.insert(k, 1); } m }
fn main() { println!("{}", count(vec![1]).len()); }
