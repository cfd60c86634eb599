#[derive(Clone, Copy, Debug)]
enum Signal {
    Stop,
    Caution,
    Proceed,
}

fn speed_limit(signal: Signal, line_speed: u32) -> u32 {
    match signal {
        Signal::Stop => 0,
        Caution => line_speed / 2,
        Signal::Proceed => line_speed,
    }
}

fn main() {
    let aspects = [Signal::Proceed, Signal::Caution, Signal::Stop];
    for aspect in aspects {
        println!("{:?}: {} km/h", aspect, speed_limit(aspect, 90));
    }
}
