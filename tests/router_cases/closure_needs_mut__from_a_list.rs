fn main() {
    let mut rings = 0;
    let bells: Vec<Box<dyn FnMut() + '_>> = vec![Box::new(|| rings += 1)];
    for bell in bells {
        bell();
        bell();
    }
    println!("{rings}");
}
