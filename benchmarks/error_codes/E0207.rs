struct Till {
    coins: Vec<u32>,
}

impl<C: Into<u32>> Till {
    fn insert(&mut self, coin: C) {
        self.coins.push(coin.into());
    }
}

impl Till {
    fn total(&self) -> u32 {
        self.coins.iter().sum()
    }
}

fn main() {
    let mut till = Till { coins: Vec::new() };
    till.insert(20u8);
    till.insert(500u16);
    till.insert(100u32);
    println!("{} coins worth {}", till.coins.len(), till.total());
}
