fn main() { let best = &5; if best > 3 { println!("ok"); } }
