fn count_char(text: &str, wanted: char) -> usize {
    text.chars().filter(|&c| c == wanted).count()
}

fn longest_line(text: &str) -> &str {
    let mut best = "";
    for line in text.lines() {
        if line.len() > best.len() {
            best = line;
        }
    }
    best
}

fn main() {
    println!("{} quotes", count_char(SIGN, '"'));
    println!("longest: {}", longest_line(SIGN));
    println!("{} lines", SIGN.lines().count());
}

const SIGN: &str = r#"The "Old Mill"
serves "fresh" bread
from six"#;
