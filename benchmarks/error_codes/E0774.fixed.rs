#[derive(Debug)]
struct Coin {
    value: u32,
    minted: u16,
}

impl Coin {
    fn age(&self, year: u16) -> u16 {
        year - self.minted
    }
}

fn oldest(purse: &[Coin]) -> Option<&Coin> {
    purse.iter().min_by_key(|c| c.minted)
}

fn main() {
    let purse = vec![Coin { value: 5, minted: 1999 }, Coin { value: 20, minted: 1984 }];
    for coin in &purse {
        println!("{} is {} years old", coin.value, coin.age(2024));
    }
    if let Some(coin) = oldest(&purse) {
        println!("oldest {coin:?}");
    }
    println!("sum {}", purse.iter().map(|c| c.value).sum::<u32>());
}
