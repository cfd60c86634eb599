#[repr(u8)]
#[derive(Clone, Copy, Debug)]
enum Pressure {
    Low = 64,
    Normal = 128,
    High = 255,
    Burst,
}

fn classify(reading: u32) -> Pressure {
    match reading {
        0..=64 => Pressure::Low,
        65..=128 => Pressure::Normal,
        129..=255 => Pressure::High,
        _ => Pressure::Burst,
    }
}

fn main() {
    for reading in [12, 130, 300] {
        let level = classify(reading);
        println!("{reading} -> {level:?} (code {})", level as u32);
    }
    println!("normal is {}", Pressure::Normal as u32);
}
