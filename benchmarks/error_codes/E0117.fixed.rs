use std::fmt;

struct Lap {
    driver: &'static str,
    millis: u32,
}

struct Session {
    laps: Vec<Lap>,
}

impl fmt::Display for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for lap in self.laps.iter() {
            writeln!(out, "{:<6}{:>3}.{:03}", lap.driver, lap.millis / 1000, lap.millis % 1000)?;
        }
        Ok(())
    }
}

fn main() {
    let session = Session {
        laps: vec![
            Lap { driver: "Moss", millis: 91_204 },
            Lap { driver: "Clark", millis: 90_077 },
        ],
    };
    print!("{session}");
    println!("{} laps", session.laps.len());
}
