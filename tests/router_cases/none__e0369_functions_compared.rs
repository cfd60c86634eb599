fn a() {}
struct S;
fn main() { let x = |n: u8| n; println!("{}", x == x); let _ = (a as fn(), S); }
