fn main() { assert!(vec![3u8].iter().all(|n| n == 3u8)); }
