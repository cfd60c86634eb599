struct Tokens<'src> {
    rest: &'src str,
}

impl Tokens<'src> {
    fn next_token(&mut self) -> Option<&'src str> {
        let trimmed = self.rest.trim_start();
        if trimmed.is_empty() {
            return None;
        }
        let end = trimmed.find(' ').unwrap_or(trimmed.len());
        let (token, rest) = trimmed.split_at(end);
        self.rest = rest;
        Some(token)
    }
}

fn main() {
    let line = String::from("  turn left   then stop ");
    let mut tokens = Tokens { rest: &line };
    let mut lengths = Vec::new();
    while let Some(t) = tokens.next_token() {
        println!("<{t}>");
        lengths.push(t.len());
    }
    println!("{lengths:?}");
}
