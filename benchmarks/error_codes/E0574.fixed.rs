#[derive(Debug)]
enum Step {
    Turn { degrees: i32 },
    Forward { cells: i32 },
}

fn parse(word: &str) -> Option<Step> {
    let (kind, amount) = word.split_at(1);
    let amount: i32 = amount.parse().ok()?;
    match kind {
        "F" => Some(Step::Forward { cells: amount }),
        "L" => Some(Step::Turn { degrees: -amount }),
        "R" => Some(Step::Turn { degrees: amount }),
        _ => None,
    }
}

fn main() {
    let mut heading = 0;
    let mut walked = 0;
    for step in "F10 R90 F7 L45 X1".split(' ').filter_map(parse) {
        match &step {
            Step::Turn { degrees } => heading = (heading + degrees).rem_euclid(360),
            Step::Forward { cells } => walked += cells,
        }
        println!("{step:?} -> heading {heading}, walked {walked}");
    }
}
