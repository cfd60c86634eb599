fn check(weight: u32) -> Result<(), String> {
    if weight > 10 {
        Err("heavy".to_string())
    }
}

fn main() {
    println!("{:?}", check(3));
}
