fn settle(balance: &mut i64, entries: &[i64]) -> i64 {
    let opening = &*balance;
    let mut post = |amount: i64| {
        *balance += amount;
    };
    for entry in entries {
        post(*entry);
    }
    *balance - *opening
}

fn main() {
    let mut balance = 1_000;
    let change = settle(&mut balance, &[250, -40, -15]);
    println!("change {change:+}");
    println!("balance {balance}");
    let change = settle(&mut balance, &[]);
    println!("change {change:+}");
}
