trait Watcher<'log>: 'log {
    fn saw(&self, word: &str) -> usize;
}

struct Reader<'log> {
    text: &'log str,
}

impl<'log> Watcher<'log> for Reader<'log> {
    fn saw(&self, word: &str) -> usize {
        self.text.split_whitespace().filter(|part| *part == word).count()
    }
}

struct Board<'pin: 'log, 'log> {
    watchers: Vec<Box<dyn Watcher<'log> + 'pin>>,
}

fn main() {
    let night = String::from("fox owl fox badger");
    let dawn = String::from("owl wren");
    let board = Board {
        watchers: vec![Box::new(Reader { text: &night }), Box::new(Reader { text: &dawn })],
    };
    for word in ["fox", "owl", "wren"] {
        let total: usize = board.watchers.iter().map(|watcher| watcher.saw(word)).sum();
        println!("{word} {total}");
    }
}
