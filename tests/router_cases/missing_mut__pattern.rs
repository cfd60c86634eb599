fn main() {
    let (left, right) = (String::from("a"), 2);
    left.push('b');
    println!("{left}{right}");
}
