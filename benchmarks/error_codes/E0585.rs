struct Kettle {
    litres: f64,
    watts: f64,
}

impl Kettle {
    fn seconds_to_boil(&self, from: f64) -> f64 {
        let joules = self.litres * 4186.0 * (100.0 - from);
        joules / self.watts
    }
}

fn main() {
    let kettle = Kettle { litres: 1.5, watts: 2200.0 };
    for start in [5.0, 20.0, 60.0] {
        println!("from {start} C: {:.0} s", kettle.seconds_to_boil(start));
    }
    let lazy = Kettle { watts: 800.0, ..kettle };
    println!("on the hob: {:.0} s", lazy.seconds_to_boil(20.0));
    /// Losses through the lid are left out on purpose.
}
