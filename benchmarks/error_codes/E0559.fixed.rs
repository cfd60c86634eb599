enum Plot {
    Meadow { hectares: f64 },
    Orchard { rows: u32, trees_per_row: u32 },
}

fn hay_bales(plot: &Plot) -> u32 {
    match plot {
        Plot::Meadow { hectares } => (hectares * 14.0) as u32,
        Plot::Orchard { .. } => 0,
    }
}

fn trees(plot: &Plot) -> u32 {
    match plot {
        Plot::Orchard { rows, trees_per_row } => rows * trees_per_row,
        _ => 0,
    }
}

fn main() {
    let farm = [
        Plot::Meadow { hectares: 2.5 },
        Plot::Orchard { rows: 6, trees_per_row: 11 },
        Plot::Orchard { rows: 4, trees_per_row: 9 },
    ];
    println!("bales {}", farm.iter().map(hay_bales).sum::<u32>());
    println!("trees {}", farm.iter().map(trees).sum::<u32>());
}
