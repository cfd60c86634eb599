use std::str::FromStr;
struct Rgb(u8);
impl FromStr for Rgb { type Err = String; }
fn main() { println!("{}", Rgb(1).0); }
