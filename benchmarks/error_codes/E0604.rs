/// Spreadsheet style column names: A, B, ... Z, AA, AB, ...
fn column_name(mut index: u32) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push((65 + index % 26) as char);
        if index < 26 {
            break;
        }
        index = index / 26 - 1;
    }
    letters.iter().rev().collect()
}

fn main() {
    for index in [0, 7, 25, 26, 51, 702] {
        println!("{index:>4} {}", column_name(index));
    }
}
