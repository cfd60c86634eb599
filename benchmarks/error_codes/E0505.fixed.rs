struct Delivery {
    city: String,
    crates: Vec<u32>,
}

fn archive(delivery: Delivery, shelf: &mut Vec<Delivery>) {
    shelf.push(delivery);
}

fn main() {
    let mut shelf = Vec::new();
    let delivery = Delivery { city: "Turku".to_string(), crates: vec![14, 52, 33] };
    let heaviest = *delivery.crates.iter().max().unwrap();
    archive(delivery, &mut shelf);
    println!("heaviest crate {heaviest} kg");
    for d in &shelf {
        println!("archived {} with {} crates", d.city, d.crates.len());
    }
}
