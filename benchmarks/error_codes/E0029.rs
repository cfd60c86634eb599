// Picks the registration desk by the first letter of the surname.
fn desk(letter: &str) -> &'static str {
    match letter {
        "" => "information",
        "A"..="M" => "north desk",
        _ => "south desk",
    }
}

fn main() {
    let visitors = ["Abel", "Moreno", "Novak", "Zhang", ""];
    let mut north = 0;
    for name in visitors {
        let letter = if name.is_empty() { "" } else { &name[..1] };
        let place = desk(letter);
        if place == "north desk" {
            north += 1;
        }
        println!("{name:>8} -> {place}");
    }
    println!("{north} badges for the north desk");
}
