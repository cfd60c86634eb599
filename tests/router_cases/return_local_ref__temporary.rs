fn label(n: u32) -> &'static str {
    &n.to_string()
}
fn main() { println!("{}", label(3)); }
