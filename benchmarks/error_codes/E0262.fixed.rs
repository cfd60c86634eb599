// Splits the heading off a line of a plain-text diary.
struct Entry<'a> {
    day: &'a str,
    body: &'a str,
}

fn split_entry<'a>(line: &'a str) -> Option<Entry<'a>> {
    let (day, body) = line.split_once(':')?;
    Some(Entry { day: day.trim(), body: body.trim() })
}

fn main() {
    let diary = ["Mon: planted beans", "rain all day", "Wed : mended fence"];
    for (number, raw) in diary.iter().enumerate() {
        let line = format!("{raw} ");
        match split_entry(&line) {
            Some(entry) => println!("{} [{}] {}", number + 1, entry.day, entry.body),
            None => println!("{} skipped", number + 1),
        }
    }
}
