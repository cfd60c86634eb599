#[derive(Clone, Copy)]
struct Tag { name: String }
fn main() { let t = Tag { name: String::new() }; println!("{}", t.name); }
