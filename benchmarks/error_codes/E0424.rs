struct Thermostat {
    target: f32,
}

impl Thermostat {
    fn new(target: f32) -> Self {
        Thermostat { target }
    }

    fn too_cold(reading: f32) -> bool {
        reading < self.target - 0.5
    }

    fn command(&self, reading: f32) -> &'static str {
        if self.too_cold(reading) { "heat" } else { "idle" }
    }
}

fn main() {
    let hall = Thermostat::new(20.0);
    for reading in [18.9, 19.7, 21.2] {
        println!("{reading:.1} -> {}", hall.command(reading));
    }
}
