#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Wall,
    Floor,
    Exit,
}

impl Cell {
    fn wall(mark: char) -> bool {
        mark == '#'
    }

    fn read(mark: char) -> Cell {
        match mark {
            'E' => Cell::Exit,
            m if Cell::wall(m) => Cell::Wall,
            _ => Cell::Floor,
        }
    }
}

fn cost(cell: Cell) -> Option<u32> {
    match cell {
        Cell::wall => None,
        Cell::Floor => Some(2),
        Cell::Exit => Some(0),
    }
}

fn main() {
    let corridor: Vec<Cell> = "#...E#".chars().map(Cell::read).collect();
    let costs: Vec<Option<u32>> = corridor.iter().map(|cell| cost(*cell)).collect();
    println!("{costs:?}");
    println!("{}", costs.iter().flatten().sum::<u32>());
}
