struct Recipe {
    title: &'static str,
    grams: Vec<(&'static str, u32)>,
}

//! Scales every amount to the number of guests; recipes are written for four.
fn scale(recipe: &Recipe, guests: u32) -> Vec<(&'static str, u32)> {
    recipe.grams.iter().map(|(name, g)| (*name, g * guests / 4)).collect()
}

fn main() {
    let soup = Recipe { title: "Leek soup", grams: vec![("leek", 600), ("potato", 400), ("cream", 100)] };
    println!("{} for six", soup.title);
    for (name, grams) in scale(&soup, 6) {
        println!("{name:>8} {grams} g");
    }
}
