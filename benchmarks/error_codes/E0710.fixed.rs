#[derive(Debug, Default)]
struct Label {
    text: String,
    lines: usize,
}

#[allow(clippy::too_many_arguments)]
fn address(
    name: &str,
    street: &str,
    number: u32,
    floor: Option<u32>,
    city: &str,
    code: &str,
    country: &str,
    loud: bool,
) -> Label {
    let floor = floor.map(|floor| format!(", floor {floor}")).unwrap_or_default();
    let mut text = format!("{name}\n{number} {street}{floor}\n{code} {city}\n{country}");
    if loud {
        text = text.to_uppercase();
    }
    let lines = text.lines().count();
    Label { text, lines }
}

fn main() {
    let label = address("R. Okafor", "Elm Row", 9, Some(2), "Leith", "EH6", "Scotland", true);
    println!("{}", label.text);
    println!("-- {} lines", label.lines);
}
