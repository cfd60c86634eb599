use std::collections::BTreeMap;

fn letters(text: &str) -> BTreeMap(char, usize) {
    let mut counts = BTreeMap::new();
    for letter in text.chars().filter(|c| c.is_alphabetic()) {
        *counts.entry(letter.to_ascii_lowercase()).or_insert(0) += 1;
    }
    counts
}

fn main() {
    let counts = letters("Pack my box with five dozen liquor jugs");
    let mut ranked: Vec<(usize, char)> = counts.iter().map(|(c, n)| (*n, *c)).collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (n, letter) in ranked.iter().take(4) {
        println!("{letter} {}", "#".repeat(*n));
    }
    println!("{} different letters", counts.len());
}
