struct Crate {
    owner: String,
    fruit: Option<String>,
}

fn show(value: &Crate) {
    println!("{} {}", value.owner, value.fruit.is_some());
}

fn main() {
    let value = Crate { owner: "Ida".into(), fruit: None };
    let fruit = value.fruit.unwrap_or_default();
    show(&value);
    println!("{}", fruit);
}
