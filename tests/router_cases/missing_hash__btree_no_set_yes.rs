use std::collections::HashSet;
#[derive(PartialEq, Eq)]
struct Isbn(u64);
fn main() { let all: HashSet<Isbn> = vec![Isbn(1)].into_iter().collect(); println!("{}", all.len()); }
