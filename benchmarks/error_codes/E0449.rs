use std::fmt;

pub struct Latitude {
    pub degrees: f64,
}

impl fmt::Display for Latitude {
    pub fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.degrees < 0.0 { 'S' } else { 'N' };
        write!(out, "{:.1} {}", self.degrees.abs(), side)
    }
}

fn main() {
    let places = [("Quito", -0.2), ("Oslo", 59.9), ("Hobart", -42.9)];
    for (name, degrees) in places {
        println!("{name}: {}", Latitude { degrees });
    }
}
