struct Heightmap {
    width: u32,
    cells: Vec<i32>,
}

impl Heightmap {
    fn new(width: u32, cells: Vec<i32>) -> Self {
        Heightmap { width, cells }
    }

    fn at(&self, column: u32, row: u32) -> i32 {
        let offset = row * self.width + column;
        self.cells[offset]
    }

    fn slope(&self, row: u32) -> i32 {
        self.at(self.width - 1, row) - self.at(0, row)
    }
}

fn main() {
    let map = Heightmap::new(3, vec![4, 6, 9, 2, 2, 1]);
    for row in 0..2 {
        println!("row {row} slope {:+}", map.slope(row));
    }
    println!("centre {}", map.at(1, 0));
}
