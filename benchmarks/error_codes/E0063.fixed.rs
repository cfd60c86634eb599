struct WaterTank {
    label: String,
    capacity: u32,
    level: u32,
}

impl WaterTank {
    fn with_level(label: &str, capacity: u32, level: u32) -> WaterTank {
        let level = level.min(capacity);
        WaterTank { label: label.to_string(), capacity, level }
    }

    fn percent(&self) -> u32 {
        self.level * 100 / self.capacity
    }
}

fn main() {
    let tanks = [
        WaterTank::with_level("roof", 800, 200),
        WaterTank::with_level("cellar", 1500, 2000),
    ];
    for t in &tanks {
        println!("{}: {}/{} litres ({}%)", t.label, t.level, t.capacity, t.percent());
    }
}
