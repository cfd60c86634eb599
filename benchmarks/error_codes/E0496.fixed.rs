struct Glossary<'g> {
    entries: Vec<(&'g str, &'g str)>,
}

impl<'g> Glossary<'g> {
    fn add(&mut self, term: &'g str, meaning: &'g str) {
        self.entries.push((term, meaning));
    }

    fn explain(&self, term: &str) -> String {
        match self.entries.iter().find(|(t, _)| *t == term) {
            Some((t, m)) => format!("{t} = {m}"),
            None => format!("{term} = ?"),
        }
    }
}

fn main() {
    let source = String::from("keel:bottom beam,stern:rear end");
    let mut g = Glossary { entries: Vec::new() };
    for part in source.split(',') {
        if let Some((term, meaning)) = part.split_once(':') {
            g.add(term, meaning);
        }
    }
    println!("{}", g.explain("stern"));
    println!("{}", g.explain("bow"));
}
