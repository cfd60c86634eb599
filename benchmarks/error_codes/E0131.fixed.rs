fn longest_row(rows: &[&str]) -> usize {
    rows.iter().map(|row| row.len()).max().unwrap_or(0)
}

fn boxed(rows: &[&str]) -> Vec<String> {
    let width = longest_row(rows);
    let edge = format!("+{}+", "-".repeat(width));
    let mut out = vec![edge.clone()];
    for row in rows {
        out.push(format!("|{row:<width$}|"));
    }
    out.push(edge);
    out
}

fn main() {
    let rows: Vec<&str> = vec!["New game", "Load", "Quit"];
    for line in boxed(&rows) {
        println!("{line}");
    }
}
