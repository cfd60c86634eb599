trait Crop {
    type Yield;
    fn harvest(&self, plots: u32) -> Self::Yield;
}

struct Wheat;
struct Grapes {
    per_plot: u32,
}

impl Crop for Wheat {
    type Yield = f64;
    fn harvest(&self, plots: u32) -> f64 {
        plots as f64 * 3.25
    }
}

impl Crop for Grapes {
    type Yield = u32;
    fn harvest(&self, plots: u32) -> u32 {
        plots * self.per_plot
    }
}

fn season<C: Crop>(crop: &C, plots: &[u32]) -> Vec<C::Yield> {
    plots.iter().map(|p| crop.harvest(*p)).collect()
}

fn main() {
    println!("{:?}", season(&Wheat, &[2, 4]));
    println!("{:?}", season(&Grapes { per_plot: 30 }, &[1, 5, 6]));
}
