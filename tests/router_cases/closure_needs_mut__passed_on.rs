fn main() {
    let mut seen = 0;
    let tick = || { seen += 1; seen };
    println!("{}", tick());
}
