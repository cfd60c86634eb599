struct Trip {
    line: String,
    minutes: u32,
}

fn slower_than(trips: &[Trip], limit: u32) -> impl Iterator<Item = String> {
    trips
        .iter()
        .filter(move |trip| trip.minutes > limit)
        .map(|trip| format!("{} (+{})", trip.line, trip.minutes - 20))
}

fn main() {
    let trips: Vec<Trip> = [("S1", 24), ("Bus 40", 55), ("Ferry", 41)]
        .iter()
        .map(|(line, minutes)| Trip { line: line.to_string(), minutes: *minutes })
        .collect();
    for late in slower_than(&trips, 30) {
        println!("{late}");
    }
    println!("{} checked", trips.len());
}
