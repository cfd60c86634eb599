fn main() {
    let wrong: u8 = "text";
    let map: HashMap<u8, u8> = HashMap::new();
    println!("{} {}", wrong, map.len());
}
