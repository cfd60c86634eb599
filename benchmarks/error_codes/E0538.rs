struct Tariff {
    base: u32,
    per_km: u32,
}

impl Tariff {
    #[deprecated(since = "2.1", since = "ignores the night surcharge, call `fare_at`")]
    #[allow(dead_code)]
    fn fare(&self, km: u32) -> u32 {
        self.base + self.per_km * km
    }

    fn fare_at(&self, km: u32, hour: u32) -> u32 {
        let night = if (6..22).contains(&hour) { 0 } else { 2 };
        self.base + night + self.per_km * km
    }
}

fn main() {
    let taxi = Tariff { base: 4, per_km: 2 };
    for (km, hour) in [(3, 9), (3, 23), (12, 4)] {
        println!("{km} km at {hour}:00 costs {}", taxi.fare_at(km, hour));
    }
}
