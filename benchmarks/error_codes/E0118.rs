trait Measured {
    fn millimetres(&self) -> u32;
}

struct Plank(u32);
struct Beam {
    metres: u32,
}

impl Measured for Plank {
    fn millimetres(&self) -> u32 {
        self.0
    }
}

impl Measured for Beam {
    fn millimetres(&self) -> u32 {
        self.metres * 1000
    }
}

trait CutList: Measured {
    fn pieces(&self, length: u32) -> u32;
}

impl<T: Measured> T {
    fn pieces(&self, length: u32) -> u32 {
        self.millimetres() / length
    }
}

fn main() {
    let beam = Beam { metres: 6 };
    let plank = Plank(beam.millimetres() / 4);
    println!("plank of {} gives {} pieces", plank.millimetres(), plank.pieces(350));
}
