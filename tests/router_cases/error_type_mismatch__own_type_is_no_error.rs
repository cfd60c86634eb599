use std::error::Error;

#[derive(Debug)]
struct BadCrate {
    weight: u32,
}

fn weigh(text: &str) -> Result<u32, BadCrate> {
    let weight = text.len() as u32;
    if weight > 9 {
        return Err(BadCrate { weight });
    }
    Ok(weight)
}

fn load(text: &str) -> Result<u32, Box<dyn Error>> {
    let weight = weigh(text)?;
    Ok(weight + 1)
}

fn main() {
    println!("{:?}", load("apples").is_ok());
}
