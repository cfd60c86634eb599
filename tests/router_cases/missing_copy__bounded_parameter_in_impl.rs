struct Pair<T>(T, T);
impl<T: PartialEq> Pair<T> { fn same(v: T) -> Pair<T> { Pair(v, v) } }
fn main() { let p = Pair::same(1); println!("{}", p.0 == p.1); }
