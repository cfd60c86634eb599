/* Column widths of the printed timetable. */
const HOUR: usize = 4;
const ROOM: usize = 8;

fn row(hour: u32, room: &str) -> String {
    format!("{hour:<HOUR$}|{room:>ROOM$}")
}

/* The rule goes between the heading and the rows. */
fn rule() -> String {
    format!("{}+{}", "-".repeat(HOUR), "-".repeat(ROOM))
}

fn main() {
    println!("{:<HOUR$}|{:>ROOM$}", "hour", "room");
    println!("{}", rule());
    for (hour, room) in [(8, "Lab 2"), (10, "Aula"), (13, "Studio")] {
        println!("{}", row(hour, room));
    }
}
