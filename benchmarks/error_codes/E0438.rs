trait Vessel {
    const MAX_CREW: u32;

    fn berths_left(&self, aboard: u32) -> u32 {
        Self::MAX_CREW.saturating_sub(aboard)
    }
}

struct Trawler;
struct Ferry;

impl Vessel for Trawler {
    const MAX_CREW: u32 = 9;
}

impl Vessel for Ferry {
    const MAX_CREW: u32 = 24;
    const DECKS: u32 = 3;
}

fn main() {
    println!("trawler {}", Trawler.berths_left(4));
    println!("ferry {} on {} decks", Ferry.berths_left(30), Ferry::DECKS);
}
