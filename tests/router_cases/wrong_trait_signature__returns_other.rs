trait Area { fn area(&self) -> f64; }
struct Sq(f64);
impl Area for Sq { fn area(&self) -> f32 { self.0 as f32 } }
fn main() { println!("{}", Sq(1.0).area()); }
