#[derive(Debug, Clone, Copy, PartialEq)]
struct Waypoint {
    east: f64,
    north: f64,
}

fn leg(a: Waypoint, b: Waypoint) -> f64 {
    ((b.east - a.east).powi(2) + (b.north - a.north).powi(2)).sqrt()
}

fn halfway(a: Waypoint, b: Waypoint) -> Waypoint {
    Waypoint {
        east: (a.east + b.east) / 2.0,
        north: (a.north + b.north) / 2.0,
    }
}

fn main() {
    let hut = Waypoint { east: 2.0, north: 1.0 };
    let summit = Waypoint { east: 8.0, north: 9.0 };
    println!("{:.1} km", leg(hut, summit));
    println!("rest at {:?}", halfway(hut, summit));
}
