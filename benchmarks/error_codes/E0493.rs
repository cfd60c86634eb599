struct Cassette {
    tracks: Vec<String>,
    position: usize,
}

impl Cassette {
    const fn blank() -> Self {
        Cassette { tracks: Vec::new(), position: 0 }
    }

    fn record(mut self, title: &str) -> Self {
        self.tracks.push(title.to_string());
        self.position += 1;
        self
    }

    const fn eject(self) -> usize {
        self.position
    }
}

fn main() {
    let tape = Cassette::blank().record("Rain").record("Harvest");
    println!("first: {}", tape.tracks[0]);
    println!("stopped at {}", tape.eject());
}
