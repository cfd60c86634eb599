trait Vehicle {
    const WHEELS: u32;
    fn seats(&self) -> u32;
}

struct Minibus;

struct Tricycle {
    has_child_seat: bool,
}

impl Vehicle for Tricycle {
    const WHEELS: u32 = 3;
    fn seats(&self) -> u32 {
        1 + u32::from(self.has_child_seat)
    }
}

impl Vehicle for Minibus {
    const WHEELS: u32 = 4;
    const seats: u32 = 16;
}

fn describe<V: Vehicle>(name: &str, vehicle: &V) {
    println!("{name}: {} wheels, {} seats", V::WHEELS, vehicle.seats());
}

fn main() {
    describe("minibus", &Minibus);
    describe("tricycle", &Tricycle { has_child_seat: true });
}
