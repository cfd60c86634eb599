use std::collections::self;

type Index<'w> = collections::BTreeMap<&'w str, Vec<usize>>;

fn index(poem: &str) -> Index<'_> {
    let mut found = Index::new();
    for (number, line) in poem.lines().enumerate() {
        for word in line.split_whitespace() {
            found.entry(word).or_default().push(number + 1);
        }
    }
    found
}

fn main() {
    let poem = "rain on the roof\nrain on the road\nthe river rises";
    let found = index(poem);
    for (word, lines) in found.iter().filter(|(_, lines)| lines.len() > 1) {
        println!("{word}: {lines:?}");
    }
    println!("{} words", found.len());
}
