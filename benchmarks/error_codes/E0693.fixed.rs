use std::mem::{align_of, size_of};

#[repr(align(32))]
#[derive(Clone, Copy)]
struct Voice {
    pitch: f32,
    volume: f32,
}

struct Mixer {
    voices: [Voice; 4],
}

impl Mixer {
    fn loudest(&self) -> Option<&Voice> {
        self.voices.iter().max_by(|a, b| a.volume.total_cmp(&b.volume))
    }
}

fn main() {
    let mut mixer = Mixer { voices: [Voice { pitch: 220.0, volume: 0.25 }; 4] };
    mixer.voices[2] = Voice { pitch: 330.0, volume: 0.75 };
    println!("aligned to {}, {} bytes", align_of::<Voice>(), size_of::<Mixer>());
    println!("loudest at {:?} Hz", mixer.loudest().map(|v| v.pitch));
}
