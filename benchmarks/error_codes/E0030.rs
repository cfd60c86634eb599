#[derive(Debug, PartialEq)]
enum Humidity {
    Dry,
    Comfortable,
    Damp,
    Wet,
}

fn classify(percent: u8) -> Humidity {
    match percent {
        0..=29 => Humidity::Dry,
        59..=30 => Humidity::Comfortable,
        60..=79 => Humidity::Damp,
        _ => Humidity::Wet,
    }
}

fn main() {
    let log = [12, 30, 45, 59, 60, 79, 93];
    for percent in log {
        println!("{percent:>3}% {:?}", classify(percent));
    }
    let pleasant = log
        .iter()
        .filter(|p| classify(**p) == Humidity::Comfortable)
        .count();
    println!("pleasant readings: {pleasant}");
}
