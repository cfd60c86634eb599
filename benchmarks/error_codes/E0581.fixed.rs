struct Column {
    title: &'static str,
    cell: fn(usize) -> &'static str,
}

fn weekday(index: usize) -> &'static str {
    ["Mon", "Tue", "Wed", "Thu", "Fri"][index % 5]
}

fn shift(index: usize) -> &'static str {
    if index % 2 == 0 { "early" } else { "late" }
}

fn main() {
    let columns = [
        Column { title: "day", cell: weekday },
        Column { title: "shift", cell: shift },
    ];
    for column in &columns {
        print!("{:<6}", column.title);
        for index in 3..7 {
            print!(" {:<5}", (column.cell)(index));
        }
        println!();
    }
}
