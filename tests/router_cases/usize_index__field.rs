fn main() { let at: u32 = 1; println!("{}", [1, 2][at as u8]); }
