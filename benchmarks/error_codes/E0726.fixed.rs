use std::fmt;

struct Excerpt<'page> {
    words: Vec<&'page str>,
    more: bool,
}

fn excerpt(page: &str, limit: usize) -> Excerpt<'_> {
    let words: Vec<&str> = page.split_whitespace().take(limit).collect();
    let more = page.split_whitespace().count() > limit;
    Excerpt { words, more }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.words.join(" "), if self.more { " ..." } else { "" })
    }
}

fn main() {
    let page = String::from("The  ferry leaves at six\nand returns at nine.");
    println!("{}", excerpt(&page, 4));
    println!("{}", excerpt(&page, 40));
}
