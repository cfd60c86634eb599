#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Stamp {
    ticks: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Frame {
    stamp: Stamp,
    sequence: u16,
    level: i16,
}

fn gap(earlier: Frame, later: Frame) -> u32 {
    later.stamp.ticks - earlier.stamp.ticks
}

fn main() {
    let first = Frame { stamp: Stamp { ticks: 1_000 }, sequence: 1, level: -4 };
    let second = Frame { stamp: Stamp { ticks: 1_025 }, sequence: 2, level: 9 };
    let (sequence, change) = (second.sequence, second.level - first.level);
    println!("frame {sequence}: {} ticks later, level {change:+}", gap(first, second));
    println!("numbers {}", first.sequence + second.sequence);
}
