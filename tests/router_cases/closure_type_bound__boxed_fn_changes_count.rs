fn make() -> Box<dyn Fn() -> u32> {
    let mut count = 0;
    Box::new(move || { count += 1; count })
}
fn main() { println!("{}", make()()); }
