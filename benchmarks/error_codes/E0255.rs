mod metric {
    pub fn convert(feet: f64) -> f64 {
        feet * 0.3048
    }
}

use metric::convert;

struct Peak {
    name: &'static str,
    feet: f64,
}

fn convert(peak: &Peak) -> String {
    format!("{}: {:.1} m", peak.name, metric::convert(peak.feet))
}

fn main() {
    let peaks = [Peak { name: "Hallow", feet: 3210.0 }, Peak { name: "Brant", feet: 1984.0 }];
    for peak in &peaks {
        println!("{}", convert(peak));
    }
}
