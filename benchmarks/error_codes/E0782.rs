trait Instrument {
    fn name(&self) -> String;
    fn strings(&self) -> u32;
}

struct Lute;
struct Harp {
    courses: u32,
}

impl Instrument for Lute {
    fn name(&self) -> String {
        "lute".to_string()
    }
    fn strings(&self) -> u32 {
        13
    }
}

impl Instrument for Harp {
    fn name(&self) -> String {
        format!("{}-course harp", self.courses)
    }
    fn strings(&self) -> u32 {
        self.courses * 2
    }
}

fn tuning_minutes(ensemble: &[Box<Instrument>]) -> u32 {
    ensemble.iter().map(|i| i.strings() * 2).sum()
}

fn main() {
    let ensemble: Vec<Box<dyn Instrument>> = vec![Box::new(Lute), Box::new(Harp { courses: 17 })];
    println!("{} and {}", ensemble[0].name(), ensemble[1].name());
    println!("{} minutes", tuning_minutes(&ensemble));
}
