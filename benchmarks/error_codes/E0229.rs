struct RollingMax<Cell = u32> {
    cells: Vec<Cell>,
    size: usize,
}

impl<Cell: Copy + Ord> RollingMax<Cell> {
    fn new(size: usize) -> Self {
        RollingMax { cells: Vec::new(), size }
    }

    fn feed(&mut self, value: Cell) -> Cell {
        if self.cells.len() == self.size {
            self.cells.remove(0);
        }
        self.cells.push(value);
        self.cells.iter().copied().max().unwrap()
    }
}

fn peaks(mut window: RollingMax<Cell = u32>, input: &[u32]) -> Vec<u32> {
    input.iter().map(|&v| window.feed(v)).collect()
}

fn main() {
    let load = [310, 900, 420, 150, 777, 20];
    println!("{:?}", peaks(RollingMax::new(2), &load));
    println!("{:?}", peaks(RollingMax::new(4), &load));
}
