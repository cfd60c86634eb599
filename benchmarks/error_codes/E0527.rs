fn luminance(pixel: [u8; 4]) -> u32 {
    let [red, green, blue] = pixel;
    (u32::from(red) * 3 + u32::from(green) * 6 + u32::from(blue)) / 10
}

fn shade(pixel: [u8; 4]) -> char {
    match luminance(pixel) {
        0..=63 => '#',
        64..=159 => '+',
        _ => '.',
    }
}

fn main() {
    let row = [
        [255, 255, 255, 255],
        [200, 40, 10, 255],
        [0, 0, 90, 128],
        [120, 220, 60, 0],
    ];
    let line: String = row.iter().map(|pixel| shade(*pixel)).collect();
    println!("{line}");
    println!("{}", luminance(row[1]));
}
