trait Deck {
    const CARDS: usize;
    fn suits() -> usize;
    fn per_suit() -> usize {
        Self::CARDS / Self::suits()
    }
}

struct Skat;
struct Tarot;

impl Deck for Skat {
    const CARDS: usize = 32;
    fn suits() -> usize {
        4
    }
}

impl Deck for Tarot {
    fn CARDS() -> usize {
        78
    }
    fn suits() -> usize {
        5
    }
}

fn main() {
    println!("skat {} cards, {} a suit", Skat::CARDS, Skat::per_suit());
    println!("tarot {} a suit", Tarot::per_suit());
}
