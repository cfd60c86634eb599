fn widest<'_>(labels: &'_ [String]) -> &'_ str {
    let mut best = "";
    for label in labels {
        if label.chars().count() > best.chars().count() {
            best = label;
        }
    }
    best
}

fn main() {
    let labels: Vec<String> = ["Monday", "Donnerstag", "vendredi"].iter().map(|s| s.to_string()).collect();
    let width = widest(&labels).chars().count();
    for label in &labels {
        println!("|{label:>width$}|");
    }
    println!("widest: {}", widest(&labels));
    println!("empty: {:?}", widest(&[]));
}
