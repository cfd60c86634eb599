struct Tile {
    height: u32,
    flooded: bool,
}

fn glyph(tile: &Tile) -> char {
    match (tile.flooded, tile.height) {
        (true, _) => '~',
        (false, 0..=9) => '.',
        (false, 10..=99) => 'n',
        _ => '^',
    }
}

fn main() {
    let heights = [3, 0, 14, 250, 99, 1];
    let map: String = heights
        .iter()
        .map(|&height| glyph(&Tile { height, flooded: height < 2 }))
        .collect();
    println!("<{}>", map);
    println!("{}", glyph(&Tile { height: 120, flooded: true }));
}
