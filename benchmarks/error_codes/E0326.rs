trait Codec {
    const MAX_FRAME: usize;
    fn label(&self) -> String;

    fn frames(&self, bytes: usize) -> usize {
        bytes.div_ceil(Self::MAX_FRAME)
    }
}

struct Serial;
struct Radio;

impl Codec for Serial {
    const MAX_FRAME: usize = 64;
    fn label(&self) -> String { "serial".into() }
}

impl Codec for Radio {
    const MAX_FRAME: u8 = 24;
    fn label(&self) -> String { "radio".into() }
}

fn show(codec: &impl Codec, bytes: usize) {
    println!("{}: {} frames", codec.label(), codec.frames(bytes));
}

fn main() {
    show(&Serial, 1000);
    show(&Radio, 1000);
}
