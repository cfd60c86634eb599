mod loans {
    pub fn monthly_interest(principal: u64, per_mille: u64) -> u64 {
        principal * per_mille / 1000 / 12
    }

    pub fn repay(principal: u64, rate: u64, payment: u64) -> u64 {
        principal + monthly_interest(principal, rate) - payment
    }

    pub mod quote {
        pub use super::monthly_interest;
    }
}

fn main() {
    let mut debt = 24_000;
    println!("first interest: {}", loans::quote::monthly_interest(debt, 60));
    for month in 1..=3 {
        debt = loans::repay(debt, 60, 1_000);
        println!("month {month}: {debt}");
    }
}
