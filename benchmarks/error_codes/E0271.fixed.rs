struct Ledger {
    rows: Vec<(String, i64)>,
}

impl Ledger {
    fn debits(&self) -> impl Iterator<Item = String> + '_ {
        self.rows
            .iter()
            .filter(|(_, amount)| *amount < 0)
            .map(|(payee, _)| payee.clone())
    }
}

fn main() {
    let ledger = Ledger {
        rows: vec![
            ("rent".to_string(), -850),
            ("salary".to_string(), 2400),
            ("books".to_string(), -32),
        ],
    };
    let mut names: Vec<String> = ledger.debits().collect();
    names.sort();
    println!("{} debits: {}", names.len(), names.join(", "));
}
