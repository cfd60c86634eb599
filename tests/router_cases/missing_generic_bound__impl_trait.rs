fn show(x: impl Clone) { println!("{}", x); }
fn main() { show(1); }
