trait Filter {
    fn apply(&self, sample: i32) -> i32;
}

struct Gain(i32);

struct Clip {
    limit: i32,
}

impl Filter for Gain {
    fn apply(&self, sample: i32) -> i32 {
        sample * self.0
    }
}

impl Filter for Clip {
    fn apply(&self, sample: i32) -> i32 {
        sample.clamp(-self.limit, self.limit)
    }
}

#[derive(Default)]
struct Chain {
    filters: Vec<Box<dyn Filter>>,
}

impl Chain {
    fn with<F: Filter + 'static>(mut self, filter: F) -> Self {
        self.filters.push(Box::new(filter));
        self
    }

    fn run(&self, sample: i32) -> i32 {
        self.filters.iter().fold(sample, |s, f| f.apply(s))
    }
}

fn main() {
    let chain = Chain::default().with(Gain(3)).with(Clip { limit: 100 });
    println!("{} {} {}", chain.run(7), chain.run(60), chain.run(-41));
}
