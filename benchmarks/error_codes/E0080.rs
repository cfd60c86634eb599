const TARIFF: [u32; 5] = [90, 140, 210, 330, 480];
const CHEAPEST: u32 = TARIFF[0];
const DEAREST: u32 = TARIFF[TARIFF.len()];

fn fee(zones: usize) -> u32 {
    match zones {
        0 => CHEAPEST,
        n if n >= TARIFF.len() => DEAREST,
        n => TARIFF[n],
    }
}

fn main() {
    let trips = [0, 2, 4, 9];
    let mut sum = 0;
    for zones in trips {
        let cents = fee(zones);
        println!("{zones} zones: {cents} cents");
        sum += cents;
    }
    println!("sum {sum}, spread {}", DEAREST - CHEAPEST);
}
