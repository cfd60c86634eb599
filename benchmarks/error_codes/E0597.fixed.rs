fn longest_word<'t>(text: &'t str) -> &'t str {
    text.split_whitespace()
        .max_by_key(|word| word.len())
        .unwrap_or("")
}

fn main() {
    let pages = ["the heron waits", "reeds and waterlilies", "dusk"];
    let mut record = String::new();
    for page in pages {
        let lowered = page.replace('e', "3");
        let word = longest_word(&lowered);
        if word.len() > record.len() {
            record = word.to_string();
        }
    }
    println!("longest: {record} ({} letters)", record.len());
}
