struct Recipe {
    title: String,
    steps: Vec<String>,
}

fn slug(recipe: &Recipe) -> String {
    let lowered = recipe.title.to_lowercase();
    let words: Vec<&str> = lowered.split_whitespace().collect();
    let mut name = words.join("-");
    name.push_str(&format!("-{}", recipe.steps.len()));
    name
}

fn main() {
    let recipes = [
        Recipe { title: "Rye  Bread".into(), steps: vec!["mix".into(), "rest".into(), "bake".into()] },
        Recipe { title: "Cold Soup".into(), steps: vec!["blend".into()] },
    ];
    for recipe in &recipes {
        println!("{}", slug(recipe));
    }
}
