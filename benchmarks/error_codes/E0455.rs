use std::os::raw::c_double;

#[link(name = "m", kind = "framework")]
extern "C" {
    fn hypot(x: c_double, y: c_double) -> c_double;
}

struct Leg {
    east: f64,
    north: f64,
}

fn length(leg: &Leg) -> f64 {
    unsafe { hypot(leg.east, leg.north) }
}

fn main() {
    let route = [
        Leg { east: 3.0, north: 4.0 },
        Leg { east: -5.0, north: 12.0 },
        Leg { east: 0.5, north: 0.0 },
    ];
    for leg in &route {
        println!("{:>5.1} {:>5.1} -> {:.2}", leg.east, leg.north, length(leg));
    }
    println!("sum {:.2}", route.iter().map(length).sum::<f64>());
}
