trait Meter {
    type Unit: std::fmt::Debug + Default;
    fn raw(&self) -> u32;
}

trait BilledMeter: Meter {
    type Unit: std::fmt::Debug + From<u32>;
    fn bill(&self) -> <Self as BilledMeter>::Unit;
}

#[derive(Debug, Default)]
struct Liters;

#[derive(Debug)]
struct Cents(u32);

impl From<u32> for Cents {
    fn from(amount: u32) -> Self { Cents(amount) }
}

struct WaterMeter { ticks: u32 }

impl Meter for WaterMeter {
    type Unit = Liters;
    fn raw(&self) -> u32 { self.ticks * 10 }
}

impl BilledMeter for WaterMeter {
    type Unit = Cents;
    fn bill(&self) -> Cents { Cents::from(self.raw() * 3) }
}

fn main() {
    let meter = WaterMeter { ticks: 17 };
    println!("{} {:?}", meter.raw(), <WaterMeter as Meter>::Unit::default());
    println!("{:?}", meter.bill());
}
