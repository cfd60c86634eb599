struct Shelf { books: Vec<String> }
impl Shelf { fn titles(&self) -> impl Iterator<Item = usize> { self.books.iter().map(|b| b.len()) } }
fn main() { let s = Shelf { books: vec![] }; println!("{}", s.titles().count()); }
