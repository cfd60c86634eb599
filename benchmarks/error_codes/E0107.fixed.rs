fn parse_clock(text: &str) -> Result<u32, String> {
    let (hours, minutes) = match text.split_once(':') {
        Some(halves) => halves,
        None => return Err(format!("no colon in {text:?}")),
    };
    let hours: u32 = hours.parse().map_err(|e| format!("hours: {e}"))?;
    let minutes: u32 = minutes.parse().map_err(|e| format!("minutes: {e}"))?;
    if hours > 23 || minutes > 59 {
        return Err(format!("{text} is no time of day"));
    }
    Ok(hours * 60 + minutes)
}

fn main() {
    for entry in ["07:45", "23:59", "24:10", "noon", "1x:00"] {
        match parse_clock(entry) {
            Ok(minute) => println!("{entry} is minute {minute}"),
            Err(reason) => println!("rejected: {reason}"),
        }
    }
}
