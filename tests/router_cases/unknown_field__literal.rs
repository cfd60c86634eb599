struct Book { title: String }
fn main() { let b = Book { titel: String::new() }; println!("{}", b.title); }
