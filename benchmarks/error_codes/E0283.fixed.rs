struct Lap {
    driver: &'static str,
    millis: u32,
}

fn average(laps: &[Lap], driver: &str) -> Option<u32> {
    let times: Vec<u32> = laps.iter().filter(|lap| lap.driver == driver).map(|lap| lap.millis).collect();
    if times.is_empty() {
        return None;
    }
    let total = times.iter().sum::<u32>() / times.len() as u32;
    Some(total)
}

fn main() {
    let laps = [
        Lap { driver: "Ines", millis: 81_200 },
        Lap { driver: "Marek", millis: 82_900 },
        Lap { driver: "Ines", millis: 80_600 },
    ];
    for driver in ["Ines", "Marek", "Tove"] {
        println!("{}: {:?}", driver, average(&laps, driver));
    }
}
