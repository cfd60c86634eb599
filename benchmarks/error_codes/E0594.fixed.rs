struct Elevator {
    floor: i32,
    stops: u32,
}

impl Elevator {
    fn go(&mut self, floor: i32) -> i32 {
        let travelled = (floor - self.floor).abs();
        self.stops += (travelled > 0) as u32;
        travelled
    }
}

fn main() {
    let mut lift = Elevator { floor: 0, stops: 0 };
    let mut total = 0;
    for wanted in [4, 4, -1, 7] {
        total += lift.go(wanted);
        lift.floor = wanted;
        println!("now on floor {}", lift.floor);
    }
    println!("{} floors in {} stops", total, lift.stops);
}
