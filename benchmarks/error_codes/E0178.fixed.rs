struct Track {
    name: &'static str,
    samples: Vec<i32>,
}

fn sawtooth(step: i32, period: u32) -> Box<dyn Fn(u32) -> i32 + Send> {
    Box::new(move |tick| step * (tick % period) as i32)
}

fn record(name: &'static str, step: i32, period: u32) -> Track {
    let wave = sawtooth(step, period);
    let worker = std::thread::spawn(move || (0..6).map(|tick| wave(tick)).collect());
    Track { name, samples: worker.join().unwrap() }
}

fn main() {
    for track in [record("slow", 3, 4), record("fast", -7, 2)] {
        println!("{:<6}{:?}", track.name, track.samples);
    }
}
