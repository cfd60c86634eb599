trait Auditor {
    fn note<E: std::fmt::Debug>(&mut self, entry: E);
    fn summary(&self) -> String;
}

struct Ledger {
    lines: Vec<String>,
}

impl Auditor for Ledger {
    fn note<E: std::fmt::Debug + Copy>(&mut self, entry: E) {
        let number = self.lines.len() + 1;
        self.lines.push(format!("#{number} {entry:?}"));
    }

    fn summary(&self) -> String {
        self.lines.join("; ")
    }
}

fn run<A: Auditor>(auditor: &mut A) {
    auditor.note(('a', 12));
    auditor.note(vec![3, 1]);
    auditor.note("closing");
}

fn main() {
    let mut ledger = Ledger { lines: Vec::new() };
    run(&mut ledger);
    println!("{}", ledger.summary());
}
