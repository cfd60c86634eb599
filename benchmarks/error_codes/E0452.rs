#![allow(dead_code = "not all used yet")]

#[derive(Debug)]
enum Signal {
    Red,
    Amber,
    Green,
    Flashing,
}

struct Junction {
    arms: Vec<Signal>,
    surveyed: u16,
}

impl Junction {
    fn open_arms(&self) -> usize {
        self.arms.iter().filter(|s| matches!(s, Signal::Green)).count()
    }
}

fn main() {
    let junction = Junction {
        arms: vec![Signal::Red, Signal::Green, Signal::Amber, Signal::Green],
        surveyed: 2019,
    };
    println!("{} open of {}", junction.open_arms(), junction.arms.len());
}
