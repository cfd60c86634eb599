const ROWS: usize = 3;
const ROWS: usize = 5;

type Row = [bool; COLUMNS];

struct Theatre {
    sold: [Row; ROWS],
}

impl Theatre {
    fn sell(&mut self, row: usize, column: usize) -> bool {
        !std::mem::replace(&mut self.sold[row][column], true)
    }

    fn plan(&self) {
        for row in &self.sold {
            let line: String = row.iter().map(|s| if *s { '#' } else { '.' }).collect();
            println!("{line}");
        }
    }
}

fn main() {
    let mut theatre = Theatre { sold: [Row::default(); ROWS] };
    for (row, column) in [(0, 4), (2, 1), (0, 4)] {
        println!("{row}/{column}: {}", theatre.sell(row, column));
    }
    theatre.plan();
}
