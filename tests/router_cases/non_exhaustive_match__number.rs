fn main() { match 3u8 { 0 => println!("none"), 1..=9 => println!("few") } }
