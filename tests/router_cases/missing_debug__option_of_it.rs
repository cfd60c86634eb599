enum Coin { Head }
fn main() { println!("{:?}", Some(Coin::Head)); }
