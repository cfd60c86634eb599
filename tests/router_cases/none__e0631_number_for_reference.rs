fn weigh<F: Fn(&u8) -> u8>(scale: F) -> u8 {
    scale(&3)
}

fn main() {
    println!("{}", weigh(|grams: u8| grams + 1));
}
