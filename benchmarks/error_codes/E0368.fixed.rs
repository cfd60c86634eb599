struct Account {
    owner: String,
    notes: Vec<String>,
    balance: i64,
}

impl Account {
    fn deposit(&mut self, amount: i64, note: &str) {
        self.balance += amount;
        self.notes .push(note.to_string());
    }
}

fn main() {
    let mut account = Account { owner: "Bramble Co-op".to_string(), notes: Vec::new(), balance: 50 };
    account.deposit(120, "hay sale");
    account.deposit(35, "egg stall");
    println!("{} holds {}", account.owner, account.balance);
    println!("{} notes: {}", account.notes.len(), account.notes.join(" / "));
}
