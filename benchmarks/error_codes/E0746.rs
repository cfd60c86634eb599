trait Surcharge {
    fn apply(&self, cents: u32) -> u32;
}

struct Percent(u32);
struct Flat(u32);

impl Surcharge for Percent {
    fn apply(&self, cents: u32) -> u32 { cents + cents * self.0 / 100 }
}

impl Surcharge for Flat {
    fn apply(&self, cents: u32) -> u32 { cents + self.0 }
}

fn for_room(floor: u32) -> dyn Surcharge {
    Percent(floor * 2)
}

fn with_breakfast(cents: u32) -> u32 {
    Flat(900).apply(cents)
}

fn main() {
    for floor in [1, 5] {
        let room = for_room(floor).apply(12_000);
        println!("floor {floor}: {room}, with breakfast {}", with_breakfast(room));
    }
}
