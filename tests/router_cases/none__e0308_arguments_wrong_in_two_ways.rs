fn label(name: String, count: u64, ratio: f64) -> String {
    format!("{name}: {count} ({ratio:.1})")
}

fn main() {
    let count: u32 = 4;
    println!("{}", label("pears", count, 0.5));
}
