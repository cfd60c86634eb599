use std::ops::Mul;
#[derive(Clone, Copy)]
struct Force { newton: f64 }
impl Mul<f64> for Force {
    type Output = Force;
    fn mul(self, k: f64) -> Force { Force { newton: self.newton * k } }
}
fn main() {
    let f = Force { newton: 1.5 };
    let g = 2.0 * f;
    println!("{}", g.newton);
}
