struct Crate {
    label: &'static str,
    kilos: u32,
}

fn manifest(crates: &[Crate]) -> Vec<String> {
    crates
        .iter()
        .enumerate()
        .filter(|(_, item)| item.kilos > 0)
        .map(|(position, item)| format!("{:02} {} {}kg", position + 1, item.label, item.kilos))
        .collect()
}

fn main() {
    let deck = [
        Crate { label: "oranges", kilos: 40 },
        Crate { label: "empty", kilos: 0 },
        Crate { label: "tiles", kilos: 310 },
    ];
    for line in manifest(&deck) {
        println!("{line}");
    }
}
