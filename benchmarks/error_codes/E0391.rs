trait Priced: Taxed {
    fn net(&self) -> u32;
}

trait Taxed: Priced {
    fn percent(&self) -> u32;
    fn gross(&self) -> u32 {
        self.net() + self.net() * self.percent() / 100
    }
}

struct Haircut {
    minutes: u32,
}

impl Priced for Haircut {
    fn net(&self) -> u32 {
        500 + self.minutes * 60
    }
}

impl Taxed for Haircut {
    fn percent(&self) -> u32 {
        20
    }
}

fn main() {
    for minutes in [15, 40] {
        let cut = Haircut { minutes };
        println!("{} min: {} net, {} gross", minutes, cut.net(), cut.gross());
    }
}
