#[derive(Clone)]
struct Probe {
    channel: u8,
    offset: i16,
}

impl Drop for Probe {
    fn drop(&mut self) {
        println!("channel {} released", self.channel);
    }
}

fn calibrate(probe: &Probe, raw: i16) -> i16 {
    raw + probe.offset
}

fn main() {
    let base = Probe { channel: 3, offset: -12 };
    let mut spare = base.clone();
    spare.channel = 4;
    for raw in [100, 250] {
        println!("{} / {}", calibrate(&base, raw), calibrate(&spare, raw * 2));
    }
}
