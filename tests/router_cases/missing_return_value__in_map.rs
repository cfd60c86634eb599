fn main() {
    let doubled: Vec<u32> = [1, 2, 3].iter().map(|n| { n * 2; }).collect();
    println!("{:?}", doubled);
}
