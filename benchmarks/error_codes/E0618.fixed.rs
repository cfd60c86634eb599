struct Garden {
    width: u32,
    depth: u32,
}

impl Garden {
    fn fence_length(&self) -> u32 {
        2 * (self.width + self.depth)
    }

    fn posts(&self, spacing: u32) -> u32 {
        self.fence_length() / spacing
    }
}

fn main() {
    let gardens = [Garden { width: 12, depth: 8 }, Garden { width: 5, depth: 20 }];
    for g in &gardens {
        println!("{}x{}: {} m of fence, {} posts", g.width, g.depth, g.fence_length(), g.posts(2));
    }
}
