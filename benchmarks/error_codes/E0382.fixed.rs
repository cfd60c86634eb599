fn longest(words: Vec<String>) -> usize {
    words.iter().map(|w| w.len()).max().unwrap_or(0)
}

fn frame(words: &[String], width: usize) -> Vec<String> {
    let mut lines = vec!["+".to_string() + &"-".repeat(width) + "+"];
    for word in words {
        lines.push(format!("|{word:^width$}|"));
    }
    lines.push(lines[0].clone());
    lines
}

fn main() {
    let sign: Vec<String> = "fresh bread daily".split(' ').map(String::from).collect();
    let width = longest(sign.clone()) + 2;
    for line in frame(&sign, width) {
        println!("{line}");
    }
}
