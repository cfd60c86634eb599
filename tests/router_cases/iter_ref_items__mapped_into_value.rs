fn double(n: u32) -> u32 { n * 2 }
fn main() { let v = [1u32, 2]; let d: Vec<u32> = v.iter().map(|n| double(n)).collect(); println!("{:?}", d); }
