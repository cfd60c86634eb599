enum Command {
    Forward(i32),
    Turn { degrees: i32 },
    Stop,
}

fn travel(route: &[Command]) -> (i32, i32) {
    let mut distance = 0;
    let mut heading = 0;
    for step in route {
        match step {
            Command::Forward(metres) => distance += metres,
            Command::Turn { degrees } => heading = (heading + degrees).rem_euclid(360),
            Command::Stop(_) => break,
        }
    }
    (distance, heading)
}

fn main() {
    let route = [
        Command::Forward(40),
        Command::Turn { degrees: -90 },
        Command::Forward(15),
        Command::Stop,
        Command::Forward(99),
    ];
    let (distance, heading) = travel(&route);
    println!("{distance} m, heading {heading}");
}
