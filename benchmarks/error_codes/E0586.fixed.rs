struct Terrain {
    heights: Vec<i32>,
}

impl Terrain {
    fn climb(&self, from: usize, to: usize) -> i32 {
        self.heights[from..=to].windows(2).map(|w| (w[1] - w[0]).max(0)).sum()
    }

    fn climb_to_end(&self, from: usize) -> i32 {
        self.heights[from..].windows(2).map(|w| (w[1] - w[0]).max(0)).sum()
    }
}

fn main() {
    let ridge = Terrain { heights: vec![120, 180, 150, 210, 205, 260] };
    println!("middle {}", ridge.climb(1, 3));
    println!("rest {}", ridge.climb_to_end(2));
    println!("all {}", ridge.climb_to_end(0));
}
