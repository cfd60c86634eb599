fn main() {
    let s: u32 = 3;
    let back = -s;
    println!("{}", back);
}
