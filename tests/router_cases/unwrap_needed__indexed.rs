fn main() { let rows = Some(vec![4u8, 6]); println!("{}", rows[0]); }
