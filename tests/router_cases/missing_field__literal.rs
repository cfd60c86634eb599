struct Book { title: String, pages: u8 }
fn main() { let b = Book { title: String::new() }; println!("{}{}", b.title, b.pages); }
