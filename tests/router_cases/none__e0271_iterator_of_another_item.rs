fn evens() -> impl Iterator<Item = u32> { vec![2u64, 4].into_iter() }
fn main() { println!("{:?}", evens().next()); }
