struct Card(u8);
fn main() { let c = Some(Card(1)); let d = c.as_ref().cloned(); println!("{}", d.unwrap().0); }
