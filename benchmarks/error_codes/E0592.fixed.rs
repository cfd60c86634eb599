#[derive(Default)]
struct Brew {
    milk: u32,
    honey: u32,
    name: String,
}

impl Brew {
    fn with_milk(mut self, splashes: u32) -> Brew {
        self.milk = splashes;
        self
    }
}

impl Brew {
    fn with_honey(mut self, spoons: u32) -> Brew {
        self.honey = spoons;
        self
    }

    fn named(mut self, name: &str) -> Brew {
        self.name = name.to_string();
        self
    }
}

fn card(brew: &Brew) -> String {
    format!("{}: {} milk, {} honey", brew.name, brew.milk, brew.honey)
}

fn main() {
    let brew = Brew::default().with_milk(2).with_honey(1).named("chai");
    println!("{}", card(&brew));
}
