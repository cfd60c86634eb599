#[derive(Debug, Clone, Copy)]
enum Turtle {
    Forward(i32),
    Turn(i32),
    Rest,
}

impl Turtle {
    fn forward(steps: i32) -> Turtle {
        Turtle::Forward(steps.abs())
    }
}

fn walk(program: &[Turtle]) -> (i32, i32) {
    let (mut x, mut y, mut heading) = (0, 0, 0);
    for step in program {
        match *step {
            Turtle::Forward(n) if heading % 180 == 0 => x += if heading == 0 { n } else { -n },
            Turtle::Forward(n) => y += if heading == 90 { n } else { -n },
            Turtle::Turn(by) => heading = (heading + by).rem_euclid(360),
            Turtle::Rest => {}
        }
    }
    (x, y)
}

fn main() {
    let program = [
        Turtle::forward(-4),
        Turtle::Turn(90),
        Turtle::forward(3),
        Turtle::Rest,
        Turtle::Turn(90),
        Turtle::forward(1),
    ];
    println!("{:?}", walk(&program));
}
