trait Boiler {
    fn limit() -> u32;
    fn unit() -> &'static str {
        "kPa"
    }
}

struct Espresso;

impl Boiler for Espresso {
    fn limit() -> u32 {
        900
    }
}

fn status(pressure: u32) -> String {
    let limit = Boiler::limit();
    let state = if pressure > limit { "VENT" } else { "ok" };
    format!("{pressure}/{limit} {} {state}", Espresso::unit())
}

fn main() {
    for pressure in [120, 900, 1015] {
        println!("{}", status(pressure));
    }
}
