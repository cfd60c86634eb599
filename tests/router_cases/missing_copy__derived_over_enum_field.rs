#[derive(Clone)]
enum Tint { Red }
#[derive(Clone, Copy)]
struct Pixel { tint: Tint }
fn main() { let p = Pixel { tint: Tint::Red }; let _q = p; let _r = p; }
