trait Scored {
    fn points(&self) -> u32;

    fn rank(&self) -> &'static str {
        if self.points() > 50 { "gold" } else { "bronze" }
    }
}

struct Dive {
    difficulty: u32,
    marks: [u32; 3],
}

unsafe impl Scored for Dive {
    fn points(&self) -> u32 {
        self.difficulty * self.marks.iter().sum::<u32>()
    }
}

fn main() {
    let dives = [
        Dive { difficulty: 2, marks: [7, 8, 7] },
        Dive { difficulty: 3, marks: [6, 7, 6] },
    ];
    for dive in &dives {
        println!("{} points, {}", dive.points(), dive.rank());
    }
}
