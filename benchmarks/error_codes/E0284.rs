fn total_minutes(lines: &[&str]) -> (u32, usize) {
    let mut minutes: u32 = 0;
    let mut skipped = 0;
    for line in lines {
        let Some((_, amount)) = line.split_once('=') else {
            skipped += 1;
            continue;
        };
        match amount.trim().parse() {
            Ok(value) => minutes += value,
            Err(_) => skipped += 1,
        }
    }
    (minutes, skipped)
}

fn main() {
    let log = ["warmup = 10", "laps=25", "stretch", "rest = soon"];
    let (minutes, skipped) = total_minutes(&log);
    println!("{minutes} minutes, {skipped} lines skipped");
}
