struct Silo {
    grain: u32,
    loads: u32,
}

impl Silo {
    fn grain(&self) -> u32 {
        self.grain
    }

    fn deliver(&mut self, kilos: u32) {
        self.grain += kilos;
        self.loads += 1;
    }

    fn average(&self) -> u32 {
        self.grain() / self.loads.max(1)
    }
}

fn main() {
    let mut silo = Silo { grain: 0, loads: 0 };
    for kilos in [820, 640, 910] {
        silo.deliver(kilos);
    }
    println!("{} kg in {} loads", silo.grain(), silo.loads);
    println!("average {} kg", silo.average());
}
