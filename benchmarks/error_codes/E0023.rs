enum Order {
    Buy(String, u32, u32),
    Sell(u32, u32),
    Hold,
}

fn cash_flow(order: &Order) -> i64 {
    match order {
        Order::Buy(shares, cents) => -i64::from(*shares * *cents),
        Order::Sell(shares, cents) => i64::from(*shares * *cents),
        Order::Hold => 0,
    }
}

fn main() {
    let day = [
        Order::Buy("ACME".to_string(), 3, 250),
        Order::Sell(2, 450),
        Order::Hold,
    ];
    for order in &day {
        if let Order::Buy(name, _, _) = order {
            println!("bought {name}");
        }
        println!("{:+}", cash_flow(order));
    }
    let net: i64 = day.iter().map(cash_flow).sum();
    println!("net {net}");
}
