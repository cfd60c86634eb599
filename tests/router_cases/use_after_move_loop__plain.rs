fn eat(food: String) -> usize { food.len() }
fn main() {
    let food = String::from("pie");
    for _ in 0..2 { println!("{}", eat(food)); }
}
