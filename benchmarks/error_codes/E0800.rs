struct Shelf<T> {
    label: &'static str,
    items: Vec<Option<T>>,
}

fn occupied<'s, T>(shelf: &'s Shelf<T>) -> impl Iterator<Item = (usize, &'s T)> + use<'s, Item> {
    shelf
        .items
        .iter()
        .enumerate()
        .filter_map(|(place, item)| item.as_ref().map(|i| (place, i)))
}

fn main() {
    let jars = Shelf { label: "jars", items: vec![Some("plum"), None, Some("quince")] };
    let weights = Shelf { label: "weights", items: vec![None, Some(250u32), Some(500)] };
    println!("{}", jars.label);
    for (place, jam) in occupied(&jars) {
        println!("  {place}: {jam}");
    }
    println!("{}", weights.label);
    for (place, grams) in occupied(&weights) {
        println!("  {place}: {grams} g");
    }
}
