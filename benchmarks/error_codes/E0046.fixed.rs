trait Vessel {
    fn name(&self) -> &str;
    fn tonnage(&self) -> u32;
    fn manifest(&self) -> String {
        format!("{} ({} t)", self.name(), self.tonnage())
    }
}

struct Barge {
    name: String,
    containers: u32,
}

impl Vessel for Barge {
    fn name(&self) -> &str {
        &self.name
    }

    fn tonnage(&self) -> u32 {
        120 + self.containers * 24
    }
}

fn main() {
    let fleet = [
        Barge { name: "Marguerite".to_string(), containers: 6 },
        Barge { name: "Old Tom".to_string(), containers: 0 },
    ];
    for barge in &fleet {
        println!("{}", barge.manifest());
    }
}
