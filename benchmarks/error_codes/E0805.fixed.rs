#[inline(always)]
fn clamp_degrees(angle: i32) -> i32 {
    let turned = angle % 360;
    if turned < 0 {
        turned + 360
    } else {
        turned
    }
}

struct Turtle {
    facing: i32,
}

impl Turtle {
    fn turn(&mut self, by: i32) -> i32 {
        self.facing = clamp_degrees(self.facing + by);
        self.facing
    }
}

fn main() {
    let mut turtle = Turtle { facing: 90 };
    for by in [45, -200, 720] {
        println!("turn {by:>4} -> {}", turtle.turn(by));
    }
}
