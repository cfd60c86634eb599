fn main() {
    let words = ["pear", "fig"];
    let mut lengths = words.iter().map(|w| w.len());
    lengths.sort();
    println!("{:?}", lengths);
}
