trait Tariff {
    const CENTS_PER_KWH: u32;

    fn bill(&self, kwh: u32) -> u32 {
        kwh * Self::CENTS_PER_KWH
    }
}

struct DayTariff;
struct NightTariff;

impl Tariff for DayTariff {
    const CENTS_PER_KWH: u32 = 31;
}

impl Tariff for NightTariff {
    type CENTS_PER_KWH = u32;
}

const NIGHT_CENTS: u32 = 18;

fn main() {
    println!("night rate {}", NIGHT_CENTS);
    println!("day bill {}", DayTariff.bill(40));
    println!("night bill {}", NightTariff.bill(25));
}
