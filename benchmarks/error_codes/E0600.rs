#[derive(Clone, Copy, Debug, PartialEq)]
enum Lamp {
    Lit,
    Dark,
}

impl Lamp {
    fn flipped(self) -> Lamp {
        match self {
            Lamp::Lit => Lamp::Dark,
            Lamp::Dark => Lamp::Lit,
        }
    }
}

fn press(row: &mut [Lamp], at: usize) {
    let low = at.saturating_sub(1);
    let high = (at + 1).min(row.len() - 1);
    for lamp in &mut row[low..=high] {
        *lamp = !*lamp;
    }
}

fn main() {
    let mut row = [Lamp::Lit, Lamp::Lit, Lamp::Dark, Lamp::Dark, Lamp::Lit];
    press(&mut row, 2);
    println!("{:?}", row);
    press(&mut row, 0);
    println!("{}", row.iter().filter(|lamp| **lamp == Lamp::Lit).count());
    println!("{:?}", Lamp::Dark.flipped());
}
