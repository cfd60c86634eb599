use std::collections::BTreeMap;

type Shelf<Item> = BTreeMap<u16, Vec<Item>>;

fn place(shelf: &mut Shelf<&'static str>, slot: u16, item: &'static str) {
    shelf.entry(slot).or_default().push(item);
}

fn main() {
    let mut shelf = BTreeMap::new();
    place(&mut shelf, 4, "lantern");
    place(&mut shelf, 1, "rope");
    place(&mut shelf, 4, "compass");
    for (slot, items) in &shelf {
        println!("slot {}: {}", slot, items.join(", "));
    }
}
