#[derive(Debug, PartialEq)]
struct Tile {
    column: u8,
    row: u8,
}

impl Clone for Tile {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Tile {}

fn neighbours(tile: Tile) -> Vec<Tile> {
    let mut around = Vec::new();
    if tile.column > 0 {
        around.push(Tile { column: tile.column - 1, ..tile });
    }
    around.push(Tile { row: tile.row + 1, ..tile });
    around
}

fn main() {
    let start = Tile { column: 2, row: 5 };
    let near = neighbours(start.clone());
    println!("from {start:?}");
    println!("to {near:?}");
}
