use std::collections::HashMap;

enum Spot {
    Hill,
    Lake,
}

fn main() {
    let mut seen: HashMap<Spot, u32> = HashMap::new();
    let other = Spot::Lake;
    seen.insert(Spot::Hill, 3);
    drop(other);
}
