struct Thermostat {
    target: i32,
    history: Vec<i32>,
}

impl Thermostat {
    fn record(&mut self, degrees: i32) {
        self.history.push(degrees);
    }

    fn too_cold(&self) -> usize {
        self.history.iter().filter(|degrees| **degrees < self.target).count()
    }

    fn report(&self) -> String {
        format!("{} of {} readings below {}", self.too_cold(), self.history.len(), self.target)
    }
}

fn main() {
    let mut hall = Thermostat { target: 19, history: Vec::new() };
    for degrees in [17, 19, 18, 22, 16] {
        hall.record(degrees);
    }
    println!("{}", hall.report());
}
