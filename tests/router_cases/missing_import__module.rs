fn main() { let t = time::Instant::now(); println!("{:?}", fs::read_to_string("x")); let _ = t; }
