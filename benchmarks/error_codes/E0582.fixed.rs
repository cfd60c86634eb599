struct Legend {
    names: Vec<String>,
}

fn print_rows<'n, F>(rows: &[usize], name_of: F)
where
    F: Fn(usize) -> &'n str,
{
    for (line, row) in rows.iter().enumerate() {
        println!("{}) {}", line + 1, name_of(*row));
    }
}

fn main() {
    let legend = Legend {
        names: ["oak", "birch", "larch"].iter().map(|n| n.to_string()).collect(),
    };
    let names = &legend.names;
    print_rows(&[2, 0, 0, 1], |row| names[row].as_str());
}
