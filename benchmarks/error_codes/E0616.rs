mod vault {
    pub struct Account {
        owner: String,
        cents: i64,
    }

    impl Account {
        pub fn open(owner: &str) -> Self {
            Account { owner: owner.to_string(), cents: 0 }
        }

        pub fn deposit(&mut self, cents: i64) {
            self.cents += cents;
        }

        pub fn cents(&self) -> i64 {
            self.cents
        }

        pub fn owner(&self) -> &str {
            &self.owner
        }
    }
}

fn main() {
    let mut account = vault::Account::open("Bram");
    account.deposit(1250);
    account.deposit(99);
    println!("{} holds {} cents", account.owner(), account.cents);
}
