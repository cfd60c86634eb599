fn main() {
    let days: Vec<u32> = 1..8;
    println!("{}", days.len());
}
