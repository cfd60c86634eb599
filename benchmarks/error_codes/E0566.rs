#[repr(u16, u32)]
#[derive(Clone, Copy, Debug)]
enum Port {
    Lamp = 80,
    Heater = 443,
    Fan = 8080,
}

fn describe(port: Port) -> String {
    let number = port as u16;
    let class = if number < 1024 { "reserved" } else { "free" };
    format!("{port:?} on {number} ({class})")
}

fn main() {
    for port in [Port::Lamp, Port::Heater, Port::Fan] {
        println!("{}", describe(port));
    }
}
