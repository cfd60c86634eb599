type Discount = fn(mut cents: u32) -> u32;

fn happy_hour(cents: u32) -> u32 {
    cents - cents / 4
}

fn voucher(cents: u32) -> u32 {
    cents.saturating_sub(300)
}

fn apply(rules: &[(&str, Discount)], start: u32) -> u32 {
    let mut cents = start;
    for (name, rule) in rules {
        let next = rule(cents);
        println!("  {name}: {cents} -> {next}");
        cents = next;
    }
    cents
}

fn main() {
    let rules: [(&str, Discount); 2] = [("happy hour", happy_hour), ("voucher", voucher)];
    println!("pay {}", apply(&rules, 2000));
    println!("pay {}", apply(&rules, 200));
}
