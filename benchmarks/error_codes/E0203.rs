use std::fmt::Debug;

struct Caption<'c, Text: ?Sized + Debug + ?Sized> {
    text: &'c Text,
    indent: usize,
}

impl<'c, Text: ?Sized + Debug> Caption<'c, Text> {
    fn render(&self) -> String {
        format!("{}{:?}", " ".repeat(self.indent), self.text)
    }
}

fn main() {
    let heading: Caption<str> = Caption { text: "Tide tables", indent: 0 };
    let heights: Caption<[i16]> = Caption { text: &[12, -4, 31], indent: 4 };
    println!("{}", heading.render());
    println!("{}", heights.render());
}
