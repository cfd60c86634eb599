fn main() {
    let words = vec![String::from("a")];
    let big: Vec<String> = words.into_iter().filter(|w| w.len() > 3).collect();
    println!("{} {}", big.len(), words.len());
}
