#[derive(Clone, Copy)]
struct Hours(u32);
fn main() { let a = Hours(1); let b = a - Hours(2); println!("{}", b.0); }
