use std::mem;

// Raw bit pattern of a reading, widened for the 64-bit log record.
fn raw_bits(reading: f32) -> u64 {
    unsafe { mem::transmute::<f32, u64>(reading) }
}

fn record(channel: u8, reading: f32) -> u64 {
    (channel as u64) << 32 | raw_bits(reading)
}

fn main() {
    let readings = [(1u8, 0.5f32), (2, -1.0), (7, 12.25)];
    let mut check = 0u64;
    for (channel, reading) in readings {
        let r = record(channel, reading);
        println!("{r:010x}");
        check ^= r;
    }
    println!("check {check:x}");
}
