struct Pair<A, B>(A, B);
fn first(p: Pair<u8>) -> u8 { p.0 }
fn main() { println!("{}", first(Pair(1, 2))); }
