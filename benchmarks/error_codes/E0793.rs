#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Sample {
    sensor: u8,
    millivolts: u32,
    offset: i16,
}

fn corrected(value: &u32, offset: i16) -> u32 {
    value.saturating_add_signed(offset as i32)
}

fn main() {
    let samples = [
        Sample { sensor: 1, millivolts: 3310, offset: -12 },
        Sample { sensor: 2, millivolts: 2987, offset: 40 },
    ];
    println!("{} bytes each", std::mem::size_of::<Sample>());
    for sample in samples {
        let value = corrected(&sample.millivolts, sample.offset);
        println!("sensor {}: {} mV", { sample.sensor }, value);
    }
}
