enum Signal {
    Ring(u8),
    Text(String),
    Silence,
}

use Signal::{Ring, Silence};

fn describe(signal: &Signal) -> String {
    match signal {
        Ring(times) => "ding ".repeat(*times as usize).trim_end().to_string(),
        Text(body) => format!("message of {} letters", body.len()),
        Silence => "quiet".to_string(),
    }
}

fn main() {
    let evening = [
        Ring(2),
        Signal::Text("on my way".to_string()),
        Silence,
        Ring(1),
    ];
    for signal in &evening {
        println!("{}", describe(signal));
    }
}
