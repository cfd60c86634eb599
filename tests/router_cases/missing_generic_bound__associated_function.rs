fn fresh<T>() -> T { T::default() }
fn main() { let n: u8 = fresh(); println!("{n}"); }
