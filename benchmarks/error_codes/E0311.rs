use std::fmt::Display;

struct Column<'c> {
    heading: &'c str,
    cells: Vec<Box<dyn Display + 'c>>,
}

fn column<Cell: Display>(heading: &str, cells: Vec<Cell>) -> Column<'_> {
    let mut column = Column { heading, cells: Vec::new() };
    for cell in cells {
        column.cells.push(Box::new(cell));
    }
    column
}

fn show(column: &Column<'_>) -> String {
    let body: Vec<String> = column.cells.iter().map(|cell| format!("{cell:>6}")).collect();
    format!("{:>8} |{}", column.heading, body.join(""))
}

fn main() {
    let heading = String::from("depth");
    println!("{}", show(&column(&heading, vec![3.5, 12.25, 7.0])));
    println!("{}", show(&column("species", vec!["cod", "ling", "hake"])));
}
