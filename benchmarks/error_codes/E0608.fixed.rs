struct Board {
    width: usize,
    cells: Vec<char>,
}

impl Board {
    fn new(rows: &[&str]) -> Self {
        Board { width: rows[0].len(), cells: rows.concat().chars().collect() }
    }

    fn at(&self, row: usize, column: usize) -> char {
        self.cells[row * self.width + column]
    }
}

fn main() {
    let board = Board::new(&["x.o", ".x.", "o.x"]);
    let diagonal: String = (0..3).map(|i| board.at(i, i)).collect();
    println!("diagonal {diagonal}");
    println!("corner {}", board.at(2, 0));
}
