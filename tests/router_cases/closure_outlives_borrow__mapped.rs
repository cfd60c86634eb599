fn shifted(by: u8) -> Box<dyn Iterator<Item = u8>> { Box::new([1u8, 2].into_iter().map(|n| n + by)) }
fn main() { println!("{:?}", shifted(1).next()); }
