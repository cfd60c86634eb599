trait Windowed<'w> {
    type Window;
    fn window(&'w self, size: usize) -> Self::Window;
}

struct Track<'t> {
    samples: &'t [i16],
}

struct Peek<'w, 't> {
    track: &'w Track<'t>,
    size: usize,
}

impl<'w, 't> Windowed<'w> for Track<'t> {
    type Window = (&'w Track<'t>, usize);

    fn window(&'w self, size: usize) -> Self::Window {
        (self, size.min(self.samples.len()))
    }
}

fn loudest(peek: &Peek) -> i16 {
    peek.track.samples[..peek.size].iter().map(|s| s.abs()).max().unwrap_or(0)
}

fn main() {
    let raw = [12, -80, 45, 200, -7];
    let track = Track { samples: &raw };
    for wanted in [2, 4, 50] {
        let (track, size) = track.window(wanted);
        println!("first {}: {}", size, loudest(&Peek { track, size }));
    }
}
