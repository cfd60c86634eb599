// Berth plan of a small marina.
fn berths(rows: usize, per_row: usize) -> usize {
    rows * per_row
}

const NORTH_PIER: usize = berths(3, 4);

struct Marina {
    boats: [Option<&'static str>; NORTH_PIER],
}

impl Marina {
    fn empty() -> Self {
        Marina { boats: [None; NORTH_PIER] }
    }

    fn moor(&mut self, boat: &'static str) -> Option<usize> {
        let free = self.boats.iter().position(|b| b.is_none())?;
        self.boats[free] = Some(boat);
        Some(free)
    }
}

fn main() {
    let mut marina = Marina::empty();
    for boat in ["Petrel", "Curlew", "Tern"] {
        println!("{boat} -> {:?}", marina.moor(boat));
    }
    let south = berths(2, 5);
    println!("north {} south {}", NORTH_PIER, south);
}
