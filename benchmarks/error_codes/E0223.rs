trait Gauge {
    type Reading;
    fn read(&self) -> Self::Reading;
}

struct Barometer {
    pascal: f64,
}

impl Gauge for Barometer {
    type Reading = f64;
    fn read(&self) -> f64 {
        self.pascal / 100.0
    }
}

fn trend(before: Barometer::Reading, after: f64) -> &'static str {
    if after > before + 0.5 {
        "rising"
    } else if after < before - 0.5 {
        "falling"
    } else {
        "steady"
    }
}

fn main() {
    let log = [101_300.0, 101_320.0, 101_900.0, 100_750.0];
    let gauges: Vec<Barometer> = log.iter().map(|&pascal| Barometer { pascal }).collect();
    for pair in gauges.windows(2) {
        println!("{:.1} hPa, {}", pair[1].read(), trend(pair[0].read(), pair[1].read()));
    }
}
