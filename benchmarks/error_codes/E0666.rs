use std::fmt::Display;

struct Badge {
    lines: Vec<String>,
}

impl Badge {
    fn push(&mut self, text: impl Into<impl Display>) {
        let line = text.into();
        self.lines.push(format!("{line:<9}"));
    }

    fn framed(&self, edge: impl Display) -> Vec<String> {
        self.lines.iter().map(|line| format!("{edge} {line} {edge}")).collect()
    }
}

fn main() {
    let mut badge = Badge { lines: Vec::new() };
    for part in ["Ines", "Table 4", "Vegan"] {
        badge.push(part);
    }
    for line in badge.framed('|') {
        println!("{line}");
    }
}
