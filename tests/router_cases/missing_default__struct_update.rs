struct Opts { a: u8, b: u8 }
fn main() { let o = Opts { a: 1, ..Default::default() }; println!("{}", o.a + o.b); }
