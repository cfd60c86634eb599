fn countdown(from: u32, step: u32) -> Box<dyn Iterator<Item = u32>> {
    let mut now = from + step;
    Box::new(std::iter::from_fn(move || {
        if now < step {
            return None;
        }
        now -= step;
        Some(now)
    }))
}

fn main() {
    let beeps: Vec<String> = countdown(10, 3).map(|n| n.to_string()).collect();
    println!("beeps at {}", beeps.join(" "));
    println!("{} ticks", countdown(60, 5).count());
    println!("sum {}", countdown(8, 2).sum::<u32>());
}
