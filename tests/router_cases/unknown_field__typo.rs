struct Book { title: String }
fn main() { let b = Book { title: String::new() }; println!("{}", b.tilte); }
