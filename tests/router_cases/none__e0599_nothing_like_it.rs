struct Owl;
fn main() { Owl.photosynthesize(); }
