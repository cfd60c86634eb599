struct Card { rank: u8 }
fn copy(cards: &[Card]) -> Vec<Card> { cards.to_vec() }
fn main() { println!("{}", copy(&[Card { rank: 1 }])[0].rank); }
