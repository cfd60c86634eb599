#[derive(Debug, Clone, Copy, PartialEq)]
enum Suit {
    Cups,
    Coins,
    Swords,
}

struct Card {
    suit: Suit,
    rank: u8,
}

fn beats(lead: &Card, reply: &Card, trump: Suit) -> bool {
    if reply.suit == lead.suit {
        reply.rank > lead.rank
    } else {
        matches!((trump, reply.suit), (Suit::Swords, Suit::Swords) | (Suit::Cups, Suit::Cups))
    }
}

fn main() {
    let lead = Card { suit: Suit::Coins, rank: 6 };
    let hand = [
        Card { suit: Suit::Coins, rank: 9 },
        Card { suit: Suit::Swords, rank: 2 },
        Card { suit: Suit::Cups, rank: 10 },
    ];
    for card in &hand {
        println!("{:?} {} beats: {}", card.suit, card.rank, beats(&lead, card, Suit::Swords));
    }
}
