fn parse_levels(line: &str) -> Vec<i32> {
    let mut levels = Vec::new();
    for field in line.split(',') {
        'field: {
            let text = field.trim();
            if text.is_empty() {
                break 'field;
            }
            match text.parse::<i32>() {
                Ok(level) if level >= 0 => levels.push(level),
                _ => break 'field,
            }
        }
    }
    levels
}

fn main() {
    let line = "4, 18,, -3, x, 7";
    let levels = parse_levels(line);
    println!("{:?}", levels);
    println!("{}", levels.iter().sum::<i32>());
}
