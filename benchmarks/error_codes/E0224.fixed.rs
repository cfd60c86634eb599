trait Rule {
    fn broken_by(&self, word: &str) -> bool;
    fn title(&self) -> &str;
}

struct Banned<'a>(&'a str);

struct TooLong(usize);

impl Rule for Banned<'_> {
    fn broken_by(&self, word: &str) -> bool {
        word == self.0
    }
    fn title(&self) -> &str {
        "banned"
    }
}

impl Rule for TooLong {
    fn broken_by(&self, word: &str) -> bool {
        word.len() > self.0
    }
    fn title(&self) -> &str {
        "too long"
    }
}

type BoxedRule<'a> = Box<dyn Rule + 'a>;

fn main() {
    let taboo = String::from("rust");
    let rules: Vec<BoxedRule> = vec![Box::new(Banned(&taboo)), Box::new(TooLong(6))];
    for word in ["iron", "rust", "limestone"] {
        let hits: Vec<&str> = rules.iter().filter(|r| r.broken_by(word)).map(|r| r.title()).collect();
        println!("{word}: {hits:?}");
    }
}
