fn main() { let last = [7u32].last().copied(); println!("{}", last as u64); }
