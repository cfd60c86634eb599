fn twice<F: FnOnce() -> u8>(f: F) -> u8 { f() + f() }
fn main() { println!("{}", twice(|| 3)); }
