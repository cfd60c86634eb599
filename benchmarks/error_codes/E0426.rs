const MAP: [&str; 4] = ["..#..", ".....", "..T.#", "#...."];

fn find_treasure() -> Option<(usize, usize)> {
    let mut found = None;
    'rows: for (y, row) in MAP.iter().enumerate() {
        for (x, cell) in row.chars().enumerate() {
            if cell == 'T' {
                found = Some((x, y));
                break 'row;
            }
        }
    }
    found
}

fn main() {
    match find_treasure() {
        Some((x, y)) => println!("treasure at column {x}, row {y}"),
        None => println!("nothing here"),
    }
    let rocks = MAP.iter().flat_map(|r| r.chars()).filter(|c| *c == '#').count();
    println!("{rocks} rocks");
}
