fn main() { let mut tallest = [2u32, 9].iter().copied().max(); tallest += 1; println!("{tallest:?}"); }
