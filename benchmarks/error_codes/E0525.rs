fn for_each_guest<F>(guests: &[&str], greet: F) -> Vec<String>
where
    F: Fn(&str) -> String,
{
    guests.iter().map(|guest| greet(guest)).collect()
}

fn main() {
    let opening = String::from("Welcome to the lake house");
    let sender = String::from("Mira");
    let letter = move |guest: &str| {
        let mut text = opening;
        text.push_str(", ");
        text.push_str(guest);
        text.push_str("! -- ");
        text.push_str(&sender);
        text
    };
    for line in for_each_guest(&["Jon", "Aiko", "Priya"], letter) {
        println!("{line}");
    }
}
