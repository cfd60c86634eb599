use std::mem::size_of;

struct Beacon {
    id: u16,
    power: u8,
}

impl Sized for Beacon {}

impl Beacon {
    fn encode(&self) -> [u8; 3] {
        let id = self.id.to_be_bytes();
        [id[0], id[1], self.power]
    }
}

fn wasted<T>(used: usize) -> usize {
    size_of::<T>() - used
}

fn main() {
    let beacons = [Beacon { id: 513, power: 7 }, Beacon { id: 9, power: 200 }];
    for b in &beacons {
        println!("{:?}", b.encode());
    }
    println!("padding {}", wasted::<Beacon>(3));
}
