trait Tagged {
    fn tag(&self, serial: u32) -> String {
        format!("T-{serial:04}")
    }
}

trait Machine: Tagged {
    fn serial(&self) -> u32;
    fn watts(&self) -> u32;
}

struct Lathe(u32);

impl Tagged for Lathe {}

impl Machine for Lathe {
    fn serial(&self) -> u32 {
        self.0
    }
    fn watts(&self) -> u32 {
        1500
    }
}

fn main() {
    let hall: Vec<Box<dyn Machine>> = vec![Box::new(Lathe(17)), Box::new(Lathe(230))];
    for m in &hall {
        println!("{} draws {} W", m.tag(m.serial()), m.watts());
    }
}
