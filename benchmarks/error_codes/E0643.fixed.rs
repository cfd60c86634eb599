use std::fmt::Display;

trait Journal {
    fn note(&mut self, who: &str, what: impl Display);
    fn len(&self) -> usize;
}

#[derive(Default)]
struct Logbook {
    lines: Vec<String>,
}

impl Journal for Logbook {
    fn note(&mut self, who: &str, what: impl Display) {
        let number = self.lines.len() + 1;
        self.lines.push(format!("{number}. {who}: {what}"));
    }

    fn len(&self) -> usize {
        self.lines.len()
    }
}

fn main() {
    let mut log = Logbook::default();
    log.note("helm", "course held");
    log.note("sounding", 12.5);
    log.note("watch", 'B');
    println!("{}\n{} notes", log.lines.join("\n"), log.len());
}
