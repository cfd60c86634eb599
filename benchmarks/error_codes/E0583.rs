mod orbits;

mod orbit {
    pub struct Orbit {
        pub name: &'static str,
        pub minutes: u32,
    }

    pub fn laps(orbit: &Orbit, hours: u32) -> u32 {
        hours * 60 / orbit.minutes
    }
}

use orbit::{laps, Orbit};

fn main() {
    let known = [
        Orbit { name: "low", minutes: 92 },
        Orbit { name: "medium", minutes: 360 },
    ];
    for o in &known {
        println!("{}: {} laps a day", o.name, laps(o, 24));
    }
    println!("week, low: {}", laps(&known[0], 24 * 7));
}
