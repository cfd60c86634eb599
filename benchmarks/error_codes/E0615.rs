struct Basket {
    items: Vec<(String, u32)>,
    discount: u32,
}

impl Basket {
    fn subtotal(&self) -> u32 {
        self.items.iter().map(|(_, cents)| cents).sum()
    }

    fn total(&self) -> u32 {
        self.subtotal * (100 - self.discount) / 100
    }
}

fn main() {
    let basket = Basket {
        items: vec![("yarn".to_string(), 1250), ("needles".to_string(), 799)],
        discount: 10,
    };
    for (name, cents) in &basket.items {
        println!("{:<8}{:>6}", name, cents);
    }
    println!("subtotal {} total {}", basket.subtotal(), basket.total());
}
