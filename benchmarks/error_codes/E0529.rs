fn parse_point(text: &str) -> Option<(i32, i32, i32)> {
    let numbers: Vec<i32> = text
        .split(',')
        .filter_map(|piece| piece.trim().parse().ok())
        .collect();
    match numbers {
        [x, y] => Some((x, y, 0)),
        [x, y, z] => Some((x, y, z)),
        _ => None,
    }
}

fn main() {
    for text in ["4, 9", "1,2,3", "7", "a,b"] {
        match parse_point(text) {
            Some((x, y, z)) => println!("{text:<8} x={x} y={y} z={z}"),
            None => println!("{text:<8} not a point"),
        }
    }
}
