fn main() {
    let inner = vec![String::from("a")];
    for _ in 0..2 { for word in inner { println!("{word}"); } }
}
