struct Shelf {
    aisle: u32,
    goods: Vec<&'static str>,
}

fn locate(shelves: &[Shelf], wanted: &str) -> Option<u32> {
    for shelf in shelves {
        if shelf.goods.iter().any(|item| *item == wanted) {
            return Some(shelf.aisle);
        }
    }
    None
}

fn main() {
    let shop = [
        Shelf { aisle: 4, goods: vec!["rice", "lentils"] },
        Shelf { aisle: 9, goods: vec!["soap", "candles"] },
    ];
    for item in ["candles", "rice", "ladder"] {
        match locate(&shop, item) {
            Some(aisle) => println!("{item}: aisle {aisle}"),
            None => println!("{item}: not sold here"),
        }
    }
}
