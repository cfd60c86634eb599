struct Knots(f64);
struct MilesPerHour(f64);

#[derive(Debug)]
struct MetersPerSecond(f64);

impl From<Knots> for MetersPerSecond {
    fn from(speed: Knots) -> Self {
        MetersPerSecond(speed.0 * 0.5144)
    }
}

impl From<MilesPerHour> for MetersPerSecond {
    fn from(mph: MilesPerHour) -> Self {
        MetersPerSecond(mph.0 * 0.447)
    }
}

fn main() {
    let ferry: MetersPerSecond = Knots(20.0).into();
    println!("ferry {:.2} m/s", ferry.0);
    let truck: MetersPerSecond = MilesPerHour(60.0).into();
    println!("truck {:.2} m/s", truck.0);
}
