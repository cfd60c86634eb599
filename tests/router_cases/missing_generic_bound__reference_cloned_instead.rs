fn own<T>(item: &T) -> T { item.clone() }
fn main() { println!("{}", own(&1)); }
