#[cfg(any(unix, windows))]
const LINE_LIMIT: usize = 24;

#[cfg(not(any(unix, windows)))]
const LINE_LIMIT: usize = 16;

fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if !last.is_empty() && last.len() + 1 + word.len() > LINE_LIMIT {
            lines.push(word.to_string());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

fn main() {
    for line in wrap("the keeper rows out at dusk to trim the lamps along the breakwater") {
        println!("{}|", line);
    }
}
