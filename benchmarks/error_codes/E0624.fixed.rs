mod garden {
    pub struct Bed {
        rows: Vec<(&'static str, u32)>,
    }

    impl Bed {
        pub fn new() -> Self {
            Bed { rows: Vec::new() }
        }

        pub fn sow(&mut self, plant: &'static str, count: u32) {
            self.rows.push((plant, count));
        }

        pub fn seedlings(&self) -> u32 {
            self.rows.iter().map(|(_, count)| count).sum()
        }
    }
}

fn main() {
    let mut bed = garden::Bed::new();
    bed.sow("leek", 24);
    bed.sow("radish", 60);
    println!("seedlings: {}", bed.seedlings());
}
