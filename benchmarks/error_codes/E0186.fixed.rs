trait Station {
    fn name(&self) -> String;
    fn platforms(&self) -> u8;
}

struct Terminal;

struct Halt {
    village: &'static str,
}

impl Station for Terminal {
    fn name(&self) -> String {
        String::from("Central Terminal")
    }
    fn platforms(&self) -> u8 {
        12
    }
}

impl Station for Halt {
    fn name(&self) -> String {
        format!("{} Halt", self.village)
    }
    fn platforms(&self) -> u8 {
        1
    }
}

fn main() {
    let route: [&dyn Station; 2] = [&Terminal, &Halt { village: "Elmsby" }];
    for stop in route {
        println!("{}: {} platform(s)", stop.name(), stop.platforms());
    }
}
