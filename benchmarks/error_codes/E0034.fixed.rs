struct Thermostat {
    room_c: f64,
    target_c: f64,
}

trait Gauge {
    fn reading(&self) -> f64;
}

trait Setpoint {
    fn reading(&self) -> f64;
}

impl Gauge for Thermostat {
    fn reading(&self) -> f64 {
        self.room_c
    }
}

impl Setpoint for Thermostat {
    fn reading(&self) -> f64 {
        self.target_c
    }
}

fn main() {
    let hall = Thermostat { room_c: 18.5, target_c: 21.0 };
    let gauge_reading = Gauge::reading(&hall);
    let wanted = Setpoint::reading(&hall);
    println!("gauge shows {:.1}, wanted {:.1}", gauge_reading, wanted);
    println!("heat by {:.1}", wanted - gauge_reading);
}
