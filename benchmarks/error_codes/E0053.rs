trait Account {
    fn deposit(&mut self, cents: i64);
    fn balance(&self) -> i64;
}

struct Savings {
    cents: i64,
    bookings: u32,
}

impl Account for Savings {
    fn deposit(&mut self, cents: u32) {
        self.cents += cents as i64;
        self.bookings += 1;
    }

    fn balance(&self) -> i64 {
        self.cents
    }
}

fn main() {
    let mut savings = Savings { cents: 10_000, bookings: 0 };
    for amount in [2_500, 799, 1] {
        savings.deposit(amount);
    }
    println!("{} bookings, {} cents", savings.bookings, savings.balance());
}
