mod clock {
    pub struct Lap { pub runner: &'static str, pub seconds: u32 }

    pub fn best(laps: &[Lap]) -> Option<&Lap> {
        laps.iter().min_by_key(|lap| lap.seconds)
    }

    pub fn pretty(seconds: u32) -> String {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }

    pub fn main() {
        let laps = [
            Lap { runner: "Oda", seconds: 94 },
            Lap { runner: "Piet", seconds: 88 },
            Lap { runner: "Sun", seconds: 121 },
        ];
        for lap in &laps {
            println!("{:<5}{}", lap.runner, pretty(lap.seconds));
        }
        if let Some(lap) = best(&laps) {
            println!("best: {}", lap.runner);
        }
    }
}

fn main() {
    clock::main();
}
