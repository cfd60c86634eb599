trait Probe {
    fn label(&self) -> String;
    fn celsius(&self) -> f64;
}

struct Oven {
    shelf: u8,
}

struct Cellar;

impl Probe for Oven {
    fn label(&self) -> String {
        format!("oven shelf {}", self.shelf)
    }
    fn celsius(&self) -> f64 {
        180.0 + f64::from(self.shelf) * 2.5
    }
}

impl Probe for Cellar {
    fn label(&self) -> String {
        "cellar".to_string()
    }
    fn celsius(&self) -> f64 {
        11.5
    }
}

fn line(source: &dyn Probe) -> String {
    let probe = source;
    format!("{}: {:.1} C", probe.label(), probe.celsius())
}

fn main() {
    println!("{}", line(&Oven { shelf: 2 }));
    println!("{}", line(&Cellar));
}
