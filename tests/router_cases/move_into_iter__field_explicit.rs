struct Crate {
    owner: String,
    fruits: Vec<String>,
}

fn show(value: &Crate) {
    println!("{} {}", value.owner, value.fruits.len());
}

fn main() {
    let value = Crate { owner: "Ida".into(), fruits: vec!["fig".into()] };
    let long: Vec<String> = value.fruits.into_iter().filter(|f| f.len() > 3).collect();
    show(&value);
    println!("{}", long.len());
}
