use std::collections::HashMap;

#[derive(PartialEq)]
struct Spot {
    x: f64,
}

fn main() {
    let mut seen = HashMap::new();
    seen.insert(Spot { x: 1.0 }, "first");
    println!("{}", seen.len());
}
