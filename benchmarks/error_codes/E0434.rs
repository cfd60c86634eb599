fn schedule(start: u32, talks: &[(&str, u32)], pause: u32) -> Vec<String> {
    fn after(end: u32) -> u32 {
        end + pause
    }

    let mut clock = start;
    let mut rows = Vec::new();
    for (title, length) in talks {
        rows.push(format!("{:02}:{:02} {}", clock / 60, clock % 60, title));
        clock = after(clock + length);
    }
    rows
}

fn main() {
    let talks = [("Opening", 20), ("Bees in cities", 45), ("Closing", 15)];
    for row in schedule(9 * 60, &talks, 10) {
        println!("{row}");
    }
}
