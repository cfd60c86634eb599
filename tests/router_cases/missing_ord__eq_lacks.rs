#[derive(PartialEq, PartialOrd, Ord)]
struct Key { kind: u8 }
fn main() { let k = Key { kind: 1 }; println!("{}", k.kind); }
