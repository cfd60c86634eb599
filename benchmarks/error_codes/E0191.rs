trait Gate {
    type Signal;
    fn feed(&mut self, bit: bool) -> Self::Signal;
}

struct Counter {
    seen: u32,
}

impl Gate for Counter {
    type Signal = u32;
    fn feed(&mut self, bit: bool) -> u32 {
        self.seen += u32::from(bit);
        self.seen
    }
}

fn drive(gate: &mut dyn Gate, bits: &str) -> u32 {
    let mut last = 0;
    for bit in bits.chars() {
        last = gate.feed(bit == '1');
    }
    last
}

fn main() {
    let mut counter = Counter { seen: 0 };
    println!("{}", drive(&mut counter, "10110"));
    println!("{}", drive(&mut counter, "0001"));
}
