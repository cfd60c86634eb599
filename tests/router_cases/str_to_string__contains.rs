fn main() {
    let names = vec!["Ida".to_string()];
    println!("{}", names.contains("Ida"));
}
