struct Recipe {
    title: String,
    minutes: u32,
    portions: u32,
}

impl Recipe {
    fn new(title: &str, minutes: u32, portions: u32) -> Self {
        Recipe { title: title.to_string(), minutes, portions }
    }

    fn card(&self) -> String {
        format!("{} ({} min, serves {})", self.title, self.minutes, self.portions)
    }
}

fn main() {
    let book = [
        Recipe::new("Lentil soup", 35, 4),
        Recipe::new("Flatbread", 20, 6),
    ];
    for recipe in &book {
        println!("{}", recipe.card());
    }
    let minutes: u32 = book.iter().map(|r| r.minutes).sum();
    println!("{minutes} minutes in all");
}
