struct Plain(u8);
fn peek<'a>(p: &'a Plain<'a>) -> u8 { p.0 }
fn main() { println!("{}", peek(&Plain(1))); }
