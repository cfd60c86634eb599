fn main() {
    let mut shown: Vec<&u32> = vec![];
    for n in 0..3u32 { shown.push(&n); }
    println!("{:?}", shown);
}
