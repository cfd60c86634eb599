struct Grid { rows: u8 }
fn main() { let text = format!("{}", Grid { rows: 1 }); println!("{text}"); }
