struct Opts { a: u8 }
fn main() { println!("{}", Opts::default().a); }
