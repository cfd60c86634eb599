#[derive(Debug, PartialEq, PartialOrd)]
struct Reading {
    value: f64,
}

fn main() {
    let mut all = vec![Reading { value: 2.5 }, Reading { value: 1.5 }];
    all.sort();
    println!("{all:?}");
}
