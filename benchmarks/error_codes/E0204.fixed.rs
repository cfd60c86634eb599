#[derive(Debug, Clone, PartialEq)]
struct Waypoint {
    name: String,
    lat: f64,
    lon: f64,
}

fn midpoint(a: &Waypoint, b: &Waypoint) -> Waypoint {
    Waypoint {
        name: format!("{}/{}", a.name, b.name),
        lat: (a.lat + b.lat) / 2.0,
        lon: (a.lon + b.lon) / 2.0,
    }
}

fn main() {
    let cove = Waypoint { name: "Cove".into(), lat: 50.25, lon: -4.5 };
    let reef = Waypoint { name: "Reef".into(), lat: 50.75, lon: -5.0 };
    let mid = midpoint(&cove, &reef);
    let saved = mid.clone();
    println!("{} at {:.2} {:.2}", mid.name, mid.lat, mid.lon);
    println!("saved equal: {}", saved == mid);
}
