fn parts(line: &str) -> Vec<&str> {
    let lower = line.to_lowercase();
    lower.split(',').collect()
}
fn main() { println!("{:?}", parts("A,b")); }
