fn main() {
    let n = [1, 2, 3];
    println!("{}", n.iter().filter(|x: i32| x > 1).count());
}
