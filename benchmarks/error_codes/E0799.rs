struct Buoy {
    name: String,
    waves: Vec<f32>,
}

fn rough<'b>(buoy: &'b Buoy, limit: f32) -> impl Iterator<Item = f32> + use<'b, Buoy> {
    buoy.waves.iter().copied().filter(move |w| *w > limit)
}

fn main() {
    let buoys = [
        Buoy { name: "Outer".to_string(), waves: vec![1.2, 3.4, 2.8] },
        Buoy { name: "Inner".to_string(), waves: vec![0.3, 0.4] },
    ];
    for buoy in &buoys {
        let list: Vec<String> = rough(buoy, 2.0).map(|w| format!("{w:.1}")).collect();
        println!("{}: {} rough [{}]", buoy.name, list.len(), list.join(", "));
    }
}
