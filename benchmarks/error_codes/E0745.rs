#[derive(Clone, Copy)]
struct Counter {
    hits: u32,
    misses: u32,
}

fn merged(left: Counter, right: Counter) -> Counter {
    Counter { hits: left.hits + right.hits, misses: left.misses + right.misses }
}

fn ratio(counter: *const Counter) -> f64 {
    let counter = unsafe { counter.read() };
    counter.hits as f64 / (counter.hits + counter.misses) as f64
}

fn main() {
    let morning = Counter { hits: 30, misses: 10 };
    let evening = Counter { hits: 45, misses: 15 };
    println!("{:.3}", ratio(&raw const morning));
    let both = &raw const merged(morning, evening);
    println!("{:.3}", ratio(both));
}
