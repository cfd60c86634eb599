struct Odometer {
    start: u32,
    readings: Vec<u32>,
}

impl Odometer {
    fn record(&mut self, km: u32) {
        self.readings.push(km);
    }

    fn driven(&self) -> u32 {
        match readings.last() {
            Some(latest) => latest - self.start,
            None => 0,
        }
    }
}

fn main() {
    let mut van = Odometer { start: 81_200, readings: Vec::new() };
    println!("before: {} km", van.driven());
    van.record(81_350);
    van.record(81_512);
    println!("after {} trips: {} km", van.readings.len(), van.driven());
}
