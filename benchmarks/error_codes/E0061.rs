fn pad_cell(text: &str, width: usize, fill: char) -> String {
    let mut cell = String::from(text);
    while cell.chars().count() < width {
        cell.push(fill);
    }
    cell
}

fn table_row(cells: &[&str], fill: char) -> String {
    let mut row = String::from("|");
    for cell in cells {
        row.push_str(&pad_cell(cell, 8));
        row.push('|');
    }
    row
}

fn main() {
    println!("{}", table_row(&["dish", "price"], '_'));
    println!("{}", table_row(&["soup", "4.50"], '.'));
    println!("{}", table_row(&["dumplings", "9.20"], '.'));
}
