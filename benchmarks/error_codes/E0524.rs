struct Meter {
    units: i32,
    log: Vec<String>,
}

fn adjust(meter: &mut Meter, by: i32, why: &str) {
    meter.units += by;
    meter.log.push(format!("{why} {by:+}"));
}

fn simulate(meter: &mut Meter) {
    let mut charge = |by| adjust(meter, by, "charge");
    let mut drain = |by: i32| adjust(meter, -by, "drain");
    charge(40);
    charge(15);
    drain(22);
}

fn main() {
    let mut meter = Meter { units: 100, log: Vec::new() };
    simulate(&mut meter);
    println!("{} units left", meter.units);
    println!("{}", meter.log.join(", "));
}
