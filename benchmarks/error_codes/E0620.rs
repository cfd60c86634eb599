trait Instrument {
    fn read(&self) -> String;
}

struct Barometer(u32);

struct Compass {
    degrees: u32,
}

impl Instrument for Barometer {
    fn read(&self) -> String {
        format!("{} hPa", self.0)
    }
}

impl Instrument for Compass {
    fn read(&self) -> String {
        ["N", "E", "S", "W"][(self.degrees as usize + 45) / 90 % 4].to_string()
    }
}

fn main() {
    let barometer = Barometer(1013);
    let compass = Compass { degrees: 200 };
    let panel = [&barometer as &dyn Instrument, &compass as dyn Instrument];
    for instrument in panel {
        println!("{}", instrument.read());
    }
}
