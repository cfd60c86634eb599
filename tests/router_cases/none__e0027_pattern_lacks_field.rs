struct Book { title: String, pages: u8 }
fn main() { let Book { title } = Book { title: String::new(), pages: 1 }; println!("{title}"); }
