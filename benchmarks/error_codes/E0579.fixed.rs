fn quarter(minute: u32) -> &'static str {
    match minute {
        0..15 => "first",
        15..30 => "second",
        30..45 => "third",
        45..60 => "fourth",
        _ => "none",
    }
}

fn main() {
    let goals = [3, 14, 29, 30, 44, 58, 61];
    for minute in goals {
        println!("goal in minute {:>2}: {} quarter", minute, quarter(minute));
    }
    let third = goals.iter().filter(|minute| quarter(**minute) == "third").count();
    println!("third quarter goals: {third}");
}
