#[derive(Debug)]
struct Chapter {
    title: String,
    pages: u32,
}

#[derive(Debug)]
struct Shelf<T = Self> {
    items: Vec<T>,
    width: u32,
}

impl Shelf {
    fn new(width: u32) -> Shelf {
        Shelf { items: Vec::new(), width }
    }

    fn add(&mut self, title: &str, pages: u32) {
        self.items.push(Chapter { title: title.to_string(), pages });
    }
}

fn main() {
    let mut shelf = Shelf::new(300);
    shelf.add("Dunes", 45);
    shelf.add("Estuary", 80);
    let pages: u32 = shelf.items.iter().map(|c| c.pages).sum();
    println!("{} pages of {}", pages, shelf.width);
    println!("{}", shelf.items.iter().map(|c| c.title.as_str()).collect::<Vec<_>>().join(", "));
}
