struct Meter {
    reading: u64,
    history: Vec<u64>,
}

impl Meter {
    fn advance(&mut self, reading: u64) -> u64 {
        let previous = &self.reading;
        self.reading = reading;
        let used = reading - previous;
        self.history.push(used);
        used
    }
}

fn main() {
    let mut meter = Meter { reading: 4210, history: Vec::new() };
    for reading in [4260, 4315, 4402] {
        println!("used {}", meter.advance(reading));
    }
    println!("peak {:?}", meter.history.iter().max());
}
