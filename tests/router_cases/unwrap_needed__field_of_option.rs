struct Book { pages: u8 }
fn main() { let b = Some(Book { pages: 1 }); println!("{}", b.pages); }
