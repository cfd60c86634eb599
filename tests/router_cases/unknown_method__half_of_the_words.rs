struct Basket {
    items: Vec<u32>,
}

impl Basket {
    fn total_price(&self) -> u32 {
        self.items.iter().sum()
    }
}

fn main() {
    let basket = Basket { items: vec![1, 2] };
    println!("{}", basket.price());
}
