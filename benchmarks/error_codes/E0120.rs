trait Reel {
    fn colour(&self) -> &'static str;
    fn metres(&self) -> u32;
}

struct Spool {
    colour: &'static str,
    metres: u32,
}

impl Reel for Spool {
    fn colour(&self) -> &'static str {
        self.colour
    }
    fn metres(&self) -> u32 {
        self.metres
    }
}

impl Drop for dyn Reel {
    fn drop(&mut self) {
        println!("{} spool put away with {} m left", self.colour(), self.metres());
    }
}

fn main() {
    let mut red = Spool { colour: "red", metres: 120 };
    let blue: Box<dyn Reel> = Box::new(Spool { colour: "blue", metres: 15 });
    red.metres -= 45;
    println!("{} m in all", red.metres() + blue.metres());
}
