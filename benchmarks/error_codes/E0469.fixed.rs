#[macro_use(format)]
extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

fn seat_labels(rows: u8, per_row: u8) -> Vec<String> {
    let mut labels = Vec::new();
    for row in 0..rows {
        let letter = (b'A' + row) as char;
        for seat in 1..=per_row {
            labels.push(format!("{letter}{seat}"));
        }
    }
    labels
}

fn main() {
    let labels = seat_labels(2, 3);
    println!("{}", labels.join(" "));
    println!("{} seats", labels.len());
}
