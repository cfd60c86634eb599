fn f(a: f32) -> f64 { a }
fn main() { println!("{}", f(1.0)); }
