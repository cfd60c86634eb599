trait Lexicon<'text, 'stop>: 'text + 'stop {
    fn keep(&self, word: &str) -> bool;
    fn words(&self) -> Vec<&'text str>;
}

struct Plain<'text, 'stop> {
    text: &'text str,
    stop: &'stop [&'stop str],
}

impl<'text: 'stop, 'stop: 'text> Lexicon<'text, 'stop> for Plain<'text, 'stop> {
    fn keep(&self, word: &str) -> bool { !self.stop.contains(&word) }
    fn words(&self) -> Vec<&'text str> { self.text.split(' ').collect() }
}

struct Index<'text: 'stop, 'stop: 'text> {
    source: Box<dyn Lexicon<'text, 'stop>>,
    limit: usize,
}

fn main() {
    let stop = ["the", "of"];
    for text in ["the height of the tower", "end of day"] {
        let index = Index { source: Box::new(Plain { text, stop: &stop }), limit: 2 };
        let words = index.source.words();
        let kept: Vec<_> = words.iter().filter(|w| index.source.keep(w)).take(index.limit).collect();
        println!("{} words, kept {kept:?}", words.len());
    }
}
