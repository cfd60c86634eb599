struct Id(u8);
fn same(a: &Id, b: &Id) -> bool { *a == *b }
fn main() { let n: u8 = "x"; println!("{} {}", n, same(&Id(1), &Id(2)) ); let _ = Id(1).0; }
