const START_FUEL: u32 = 120;

struct Rover {
    fuel: u32,
    position: i32,
}

impl Rover {
    fn drive(&mut self, steps: i32) {
        let cost = steps.unsigned_abs() * 7;
        if cost <= self.fuel {
            self.fuel -= cost;
            self.position += steps;
        }
    }

    fn refuel(&mut self) {
        self.fuel = START_FUEL;
    }
}

fn main() {
    let mut rover = Rover { fuel: START_FUEL, position: 0 };
    rover.drive(12);
    println!("at {} with {} left", rover.position, rover.fuel);
    rover.refuel();
    rover.drive(-5);
    println!("at {} with {} left", rover.position, rover.fuel);
}
