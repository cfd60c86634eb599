struct Sheet {
    cells: Vec<String>,
}

fn widest<'sheet>(sheet: &'sheet Sheet, skip: &str) -> &'sheet str {
    let mut best = "";
    for cell in &sheet.cells {
        if cell != skip && cell.len() > best.len() {
            best = cell;
        }
    }
    best
}

fn render(sheet: &Sheet) -> String {
    let top = widest::<'_>(sheet, "total");
    let width = top.len();
    let rows: Vec<String> = sheet.cells.iter().map(|cell| format!("<{cell:>width$}>")).collect();
    rows.join("\n")
}

fn main() {
    let sheet = Sheet { cells: vec!["rent".into(), "total".into(), "tea".into()] };
    println!("{}", render(&sheet));
}
