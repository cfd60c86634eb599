const ROWS: usize = 3;
const COLUMNS: usize = 8;
const WELLS: usize = return ROWS * COLUMNS;

fn well_name(index: usize) -> String {
    let row = (b'A' + (index / COLUMNS) as u8) as char;
    format!("{row}{}", index % COLUMNS + 1)
}

fn main() {
    let mut plate = [0u32; WELLS];
    for (index, dose) in plate.iter_mut().enumerate() {
        *dose = (index * index) as u32 % 17;
    }
    let strongest = (0..WELLS).max_by_key(|index| plate[*index]).unwrap();
    println!("{} wells", plate.len());
    println!("{} holds {}", well_name(strongest), plate[strongest]);
    println!("last is {}", well_name(WELLS - 1));
}
