#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Difficulty {
    Easy,
    #[default]
    Normal,
    Brutal,
}

#[derive(Debug, Default)]
struct Campaign {
    difficulty: Difficulty,
    level: u32,
}

impl Campaign {
    fn enemies(&self) -> u32 {
        let factor = match self.difficulty {
            Difficulty::Easy => 1,
            Difficulty::Normal => 2,
            Difficulty::Brutal => 5,
        };
        factor * (self.level + 3)
    }
}

fn main() {
    let fresh = Campaign::default();
    assert_eq!(fresh.difficulty, Difficulty::Normal, "a new campaign starts on Normal");
    println!("{fresh:?}: {} enemies", fresh.enemies());
    for difficulty in [Difficulty::Easy, Difficulty::Brutal] {
        println!("{}", Campaign { difficulty, level: 2 }.enemies());
    }
}
