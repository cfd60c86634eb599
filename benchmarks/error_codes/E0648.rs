#[export_name = "gearbox_ratio\0"]
pub extern "C" fn ratio(gear: u8) -> f64 {
    match gear {
        1 => 3.6,
        2 => 2.1,
        3 => 1.4,
        _ => 1.0,
    }
}

struct Engine {
    rpm: f64,
}

impl Engine {
    fn wheel_rpm(&self, gear: u8) -> f64 {
        self.rpm / ratio(gear)
    }
}

fn main() {
    let engine = Engine { rpm: 2520.0 };
    for gear in 1..=4 {
        println!("gear {gear}: {:.0} rpm", engine.wheel_rpm(gear));
    }
}
