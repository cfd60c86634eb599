struct Rower {
    name: &'static str,
    splits: Vec<u32>,
}

fn total(rower: &Rower) -> u32 {
    let penalty = |split: u32| if split > 120 { split + 5 } else { split + 0 };
    rower.splits.iter().copied().map(penalty).sum()
}

fn main() {
    let crew = [
        Rower { name: "Ines", splits: vec![118, 121, 119] },
        Rower { name: "Tor", splits: vec![125, 130, 117] },
    ];
    for rower in &crew {
        println!("{} {} s", rower.name, total(rower));
    }
    let best = crew.iter().min_by_key(|r| total(r)).unwrap();
    println!("winner {}", best.name);
}
