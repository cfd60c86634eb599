#[derive(Debug)]
enum Level { A, B }
fn main() { let mut v = vec![Level::A, Level::B]; v.dedup(); println!("{:?}", v); }
