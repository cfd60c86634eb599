fn main() {
    let bytes = format!("{}", 3).as_bytes();
    println!("{}", bytes.len());
}
