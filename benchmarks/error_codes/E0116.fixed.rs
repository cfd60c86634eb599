struct Lap {
    runner: &'static str,
    seconds: u32,
}

trait LapSheet {
    fn fastest(&self) -> Option<&Lap>;
    fn total(&self) -> u32;
}

impl LapSheet for Vec<Lap> {
    fn fastest(&self) -> Option<&Lap> {
        self.iter().min_by_key(|lap| lap.seconds)
    }

    fn total(&self) -> u32 {
        self.iter().map(|lap| lap.seconds).sum()
    }
}

fn summary(sheet: &impl LapSheet) -> String {
    match sheet.fastest() {
        Some(lap) => format!("{} in {}s of {}s", lap.runner, lap.seconds, sheet.total()),
        None => String::from("no laps"),
    }
}

fn main() {
    let morning = vec![
        Lap { runner: "Ines", seconds: 71 },
        Lap { runner: "Omar", seconds: 68 },
    ];
    for sheet in [morning, Vec::new()] {
        println!("{}", summary(&sheet));
    }
}
