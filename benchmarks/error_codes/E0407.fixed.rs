trait Creature {
    fn name(&self) -> String;
    fn greeting(&self) -> String {
        format!("{} says nothing.", self.name())
    }
}

struct Troll {
    bridge: &'static str,
}
struct Hedgehog;

impl Creature for Troll {
    fn name(&self) -> String {
        "Troll".to_string()
    }
    fn greeting(&self) -> String {
        format!("{} of {} wants a toll.", self.name(), self.bridge)
    }
}

impl Creature for Hedgehog {
    fn name(&self) -> String {
        "Hedgehog".to_string()
    }
}

fn main() {
    let company: Vec<Box<dyn Creature>> = vec![Box::new(Troll { bridge: "Stonebow" }), Box::new(Hedgehog)];
    for creature in &company {
        println!("{}", creature.greeting());
    }
}
