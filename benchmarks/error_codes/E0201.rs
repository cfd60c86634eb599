trait Container {
    fn weight(&self) -> u32;
    fn volume(&self) -> u32;
}

struct Barrel {
    tare: u32,
    litres: u32,
}

impl Container for Barrel {
    fn weight(&self) -> u32 {
        self.tare + self.litres
    }

    fn weight(&self) -> u32 {
        self.litres
    }
}

fn load(cellar: &[Barrel]) -> (u32, u32) {
    cellar
        .iter()
        .fold((0, 0), |(w, v), b| (w + b.weight(), v + b.volume()))
}

fn main() {
    let cellar = [Barrel { tare: 22, litres: 110 }, Barrel { tare: 31, litres: 225 }];
    let (weight, volume) = load(&cellar);
    println!("{weight} kg, {volume} l");
}
