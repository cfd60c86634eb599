#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
enum Badge {
    Staff(u32),
    Visitor(u32),
}

impl Badge {
    fn opens(&self, door: u32) -> bool {
        match self {
            Badge::Staff(level) => *level >= door,
            Badge::Visitor(only) => *only == door,
        }
    }
}

fn main() {
    let badges = [Badge::Staff(3), Badge::Visitor(2)];
    for door in 1..=3 {
        let open: Vec<&Badge> = badges.iter().filter(|b| b.opens(door)).collect();
        println!("door {door}: {open:?}");
    }
}
