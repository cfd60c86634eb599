fn main() {
    let grams: Vec<u32> = vec![3, 5];
    let kilos: Vec<f64> = grams.iter().map(|g| g / 1000.0).collect();
    println!("{:?}", kilos);
}
