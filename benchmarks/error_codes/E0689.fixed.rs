struct Deposit {
    amount: f64,
    years: i32,
}

fn grown(deposit: &Deposit) -> f64 {
    let yearly: f64 = 1.04;
    let factor = yearly.powi(deposit.years);
    deposit.amount * factor
}

fn main() {
    let deposits = [
        Deposit { amount: 100.0, years: 1 },
        Deposit { amount: 100.0, years: 10 },
        Deposit { amount: 2500.0, years: 3 },
    ];
    for deposit in &deposits {
        println!("{:>7.2} for {:>2} years: {:.2}", deposit.amount, deposit.years, grown(deposit));
    }
}
