struct Crate {
    owner: String,
    fruits: Vec<String>,
}

fn show(value: &Crate) {
    println!("{} {}", value.owner, value.fruits.len());
}

fn main() {
    let value = Crate { owner: "Ida".into(), fruits: vec!["fig".into()] };
    for fruit in value.fruits {
        println!("{fruit}");
    }
    show(&value);
}
