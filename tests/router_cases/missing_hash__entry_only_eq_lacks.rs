use std::collections::HashMap;

#[derive(PartialEq, Hash)]
enum Spot {
    Hill,
    Lake,
}

fn main() {
    let mut seen: HashMap<Spot, u32> = HashMap::new();
    let other = Spot::Lake;
    seen.entry(Spot::Hill).or_insert(0);
    drop(other);
}
