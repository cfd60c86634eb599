struct Palette {
    colours: Vec<(u8, u8, u8)>,
}

impl Palette {
    #[unstable(feature = "blend", issue = "none")]
    fn blend(&self) -> Option<(u8, u8, u8)> {
        let count = self.colours.len() as u32;
        if count == 0 {
            return None;
        }
        let sum = self.colours.iter().fold((0, 0, 0), |sum, c| {
            (sum.0 + u32::from(c.0), sum.1 + u32::from(c.1), sum.2 + u32::from(c.2))
        });
        Some(((sum.0 / count) as u8, (sum.1 / count) as u8, (sum.2 / count) as u8))
    }
}

fn main() {
    let dusk = Palette { colours: vec![(250, 120, 40), (90, 40, 110)] };
    println!("{:?}", dusk.blend());
    println!("{:?}", Palette { colours: Vec::new() }.blend());
}
