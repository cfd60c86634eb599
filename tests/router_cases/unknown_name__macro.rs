fn main() { prinltn!("a"); }
