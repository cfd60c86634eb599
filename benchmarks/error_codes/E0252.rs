mod tide {
    pub struct Reading {
        pub centimetres: i32,
    }
}

mod wind {
    pub struct Reading {
        pub knots: u32,
    }
}

use tide::Reading;
use wind::Reading;

fn level(readings: &[Reading]) -> i32 {
    readings.iter().map(|r| r.centimetres).max().unwrap_or(0)
}

fn gust(readings: &[wind::Reading]) -> u32 {
    readings.iter().map(|r| r.knots).max().unwrap_or(0)
}

fn main() {
    let tides = [Reading { centimetres: 310 }, Reading { centimetres: -45 }];
    let winds = [wind::Reading { knots: 12 }, wind::Reading { knots: 27 }];
    println!("high water {} cm", level(&tides));
    println!("strongest gust {} kn", gust(&winds));
}
