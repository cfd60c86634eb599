const DEALS: &mut [(&str, u32)] = &mut [("bread", 280), ("butter", 345), ("jam", 410)];

fn price(name: &str) -> Option<u32> {
    DEALS.iter().find(|deal| deal.0 == name).map(|deal| deal.1)
}

fn main() {
    let mut sum = 0;
    for wanted in ["jam", "bread", "honey"] {
        match price(wanted) {
            Some(cents) => {
                sum += cents;
                println!("{wanted}: {cents}");
            }
            None => println!("{wanted}: no deal"),
        }
    }
    println!("sum {sum} of {} deals", DEALS.len());
}
