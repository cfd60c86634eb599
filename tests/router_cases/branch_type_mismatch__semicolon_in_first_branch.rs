pub fn width(is_wide: bool, columns: u16) -> u16 {
    let spare = if is_wide { columns / 4; } else { 1 };
    columns + spare
}
