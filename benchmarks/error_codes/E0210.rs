use std::fmt;

trait Dish {
    fn title(&self) -> String;
    fn price(&self) -> u32;
}

struct Soup {
    base: &'static str,
    spoons: u32,
}

impl Dish for Soup {
    fn title(&self) -> String {
        format!("{} soup", self.base)
    }
    fn price(&self) -> u32 {
        200 + self.spoons * 15
    }
}

impl<Soup: Dish> fmt::Display for Soup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.<16}{:>5}", self.title(), self.price())
    }
}

fn main() {
    let menu = [Soup { base: "leek", spoons: 12 }, Soup { base: "beetroot", spoons: 20 }];
    for dish in &menu {
        println!("{dish}");
    }
}
