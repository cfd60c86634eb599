fn slug(title: &str) -> String {
    let mut out = String::new();
    for word in title.split(|c: char| !c.is_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(&word.to_lowercase());
    }
    out
}

fn main() {
    for title in ["Ten Pies, Ranked!", "  What is rye?", "2024: a review"] {
        println!("/blog/{}", slug(title));
    }
}
