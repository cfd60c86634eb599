struct Verse {
    lines: Vec<&'static str>,
}

impl Verse {
    fn indent(&self, columns: usize) -> Vec<String> {
        self.lines.iter().map(|l| format!("{}{l}", " ".repeat(columns))).collect()
    }
}

fn main() {
    let verse = Verse { lines: vec!["the kettle sings", "the window fogs"] };
    for (n, line) in verse.indent(4).iter().enumerate() {
        println!("{n}{line}");
    }
    let longest = verse.lines.iter().map(|l| l.len()).max().unwrap_or(0);
    println!("widest line {longest});
}
