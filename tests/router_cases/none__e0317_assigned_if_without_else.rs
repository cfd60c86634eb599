fn main() {
    let weight = 4;
    let fee: u32 = if weight > 10 {
        weight
    };
    println!("{}", fee);
}
