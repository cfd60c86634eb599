struct Deck { cards: Vec<u8> }
fn main() { let d = Deck { cards: vec![1] }; for c in d { println!("{c}"); } }
