fn main() {
    let side = 2.0;
    let area = side.powi(2);
    println!("{}", area);
}
