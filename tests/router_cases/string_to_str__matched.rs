fn code(name: String) -> u8 {
    match name {
        "low" => 1,
        "high" => 2,
        _ => 0,
    }
}
fn main() { println!("{}", code("low".to_string())); }
