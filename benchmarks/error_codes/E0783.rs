#[derive(Debug, PartialEq)]
enum Band {
    Low,
    Medium,
    High,
}

fn band(decibels: u32) -> Band {
    match decibels {
        0..=39 => Band::Low,
        40...79 => Band::Medium,
        _ => Band::High,
    }
}

fn main() {
    let readings = [12, 39, 40, 66, 79, 80, 104];
    for reading in readings {
        println!("{reading:>3} dB {:?}", band(reading));
    }
    let calm = readings.iter().filter(|r| band(**r) != Band::High).count();
    println!("{calm} readings below the limit");
}
