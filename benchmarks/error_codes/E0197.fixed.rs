struct RingLog {
    slots: [u16; 4],
    next: usize,
}

impl RingLog {
    fn new() -> Self {
        RingLog { slots: [0; 4], next: 0 }
    }

    fn record(&mut self, value: u16) {
        self.slots[self.next] = value;
        self.next = (self.next + 1) % self.slots.len();
    }

    fn peak(&self) -> u16 {
        self.slots.iter().copied().max().unwrap_or(0)
    }
}

fn main() {
    let mut log = RingLog::new();
    for value in [90, 12, 33, 41, 57, 8] {
        log.record(value);
    }
    println!("slots {:?}", log.slots);
    println!("peak {}", log.peak());
}
