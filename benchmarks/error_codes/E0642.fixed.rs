trait Board {
    fn place(&mut self, position: (usize, usize), stone: char);
    fn render(&self) -> String;
}

struct Small {
    cells: [[char; 3]; 3],
}

impl Board for Small {
    fn place(&mut self, (column, row): (usize, usize), stone: char) {
        self.cells[row][column] = stone;
    }

    fn render(&self) -> String {
        let rows: Vec<String> = self.cells.iter().map(|r| r.iter().collect()).collect();
        rows.join("/")
    }
}

fn main() {
    let mut board = Small { cells: [['-'; 3]; 3] };
    board.place((2, 0), 'x');
    board.place((1, 1), 'o');
    println!("{}", board.render());
}
