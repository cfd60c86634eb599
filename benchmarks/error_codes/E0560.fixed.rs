#[derive(Debug, Clone)]
struct Crop {
    name: &'static str,
    spacing_cm: u32,
    weeks: u32,
}

fn catalogue() -> Vec<Crop> {
    vec![
        Crop { name: "radish", spacing_cm: 5, weeks: 4 },
        Crop { name: "leek", spacing_cm: 15, weeks: 20 },
        Crop { name: "kale", spacing_cm: 45, weeks: 9 },
    ]
}

fn plants_per_bed(crop: &Crop, bed_cm: u32) -> u32 {
    bed_cm / crop.spacing_cm
}

fn main() {
    for crop in catalogue() {
        let plants = plants_per_bed(&crop, 180);
        println!("{:<7}{plants:>3} plants, {:>2} weeks", crop.name, crop.weeks);
    }
}
