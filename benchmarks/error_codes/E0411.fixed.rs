#[derive(Debug, Clone, Copy, PartialEq)]
struct Rgb {
    red: u8,
    green: u8,
    blue: u8,
}

impl Rgb {
    fn grey(level: u8) -> Self {
        Self { red: level, green: level, blue: level }
    }
}

fn blend(left: Rgb, right: Rgb) -> Rgb {
    let mid = |a: u8, b: u8| ((a as u16 + b as u16) / 2) as u8;
    Rgb {
        red: mid(left.red, right.red),
        green: mid(left.green, right.green),
        blue: mid(left.blue, right.blue),
    }
}

fn main() {
    let sunset = Rgb { red: 250, green: 120, blue: 40 };
    println!("{:?}", blend(sunset, Rgb::grey(100)));
    println!("{}", blend(sunset, sunset) == sunset);
}
