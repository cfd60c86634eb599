enum Unit {
    Celsius,
    Percent,
}

trait Sensor {
    type Value;
    fn unit(&self) -> Unit;
    fn read(&self) -> Self::Value;
}

struct Hygrometer {
    raw: u16,
}

impl Sensor for Hygrometer {
    type Value = f32;
    fn unit(&self) -> Unit { if self.raw == 0 { Unit::Celsius } else { Unit::Percent } }
    fn read(&self) -> f32 { self.raw as f32 / 655.36 }
}

fn doubled(sensor: &Hygrometer) -> <Hygrometer as Sensor>::read {
    sensor.read() * 2.0
}

fn main() {
    let cellar = Hygrometer { raw: 16384 };
    let sign = match cellar.unit() { Unit::Celsius => "C", Unit::Percent => "%" };
    println!("{:.1}{sign}, doubled {:.1}{sign}", cellar.read(), doubled(&cellar));
}
