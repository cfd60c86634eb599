use std::fmt;

struct Coordinate {
    file: u8,
    rank: u8,
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = (b'a' + self.file) as char;
        write!(f, "{letter}{}", self.rank + 1)
    }
}

fn diagonal(from: u8) -> Vec<Coordinate> {
    (0..8 - from)
        .map(|step| Coordinate { file: step, rank: from + step })
        .collect()
}

fn main() {
    for start in [0, 5] {
        let squares: Vec<String> = diagonal(start).iter().map(|c| c.to_string()).collect();
        println!("{}", squares.join(" "));
    }
}
