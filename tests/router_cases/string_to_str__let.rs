fn main() { let owned: &str = "a".to_uppercase(); println!("{owned}"); }
