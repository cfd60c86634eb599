fn main() { let want = 2u8; println!("{:?}", [1u8, 2].iter().position(|n| n == want)); }
