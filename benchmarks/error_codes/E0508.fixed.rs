fn route() -> [String; 4] {
    ["Quay", "Mill Lane", "Abbey", "Heath"].map(String::from)
}

fn destination(stops: &[String]) -> String {
    stops[stops.len() - 1].clone()
}

fn board(number: u32, stops: &[String]) -> String {
    let via = stops[1..stops.len() - 1].join(", ");
    format!("{} {} via {}", number, destination(stops), via)
}

fn main() {
    let mut stops = route();
    println!("{}", board(61, &stops));
    stops.reverse();
    println!("{}", board(61, &stops));
}
