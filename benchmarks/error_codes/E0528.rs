fn luminance(pixel: [u8; 3]) -> u32 {
    let [red, green, blue, _alpha, ..] = pixel;
    (red as u32 * 30 + green as u32 * 59 + blue as u32 * 11) / 100
}

fn shade(level: u32) -> char {
    match level {
        0..=63 => '#',
        64..=127 => '+',
        128..=191 => '-',
        _ => ' ',
    }
}

fn main() {
    let row: [[u8; 3]; 4] = [[0, 0, 0], [200, 40, 10], [90, 180, 200], [255, 255, 255]];
    let art: String = row.iter().map(|p| shade(luminance(*p))).collect();
    println!("[{}]", art);
    println!("{}", luminance(row[1]));
}
