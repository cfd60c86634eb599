fn fee(weight: u32) -> u32 {
    if weight > 10 {
        8
    } else if weight > 3 {
        4
    }
}

fn main() {
    println!("{}", fee(3));
}
