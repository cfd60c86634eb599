fn main() { let lengths = vec![3u64, 5]; let area: u64 = lengths.into_iter().map(|side| *side * 2).sum(); println!("{area}"); }
