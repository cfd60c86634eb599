use std::mem::size_of;

/// Same layout as the plain number that the pump driver expects.
#[repr(C, transparent)]
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Millibar(f32);

impl Millibar {
    fn clamp_to(self, top: Millibar) -> Millibar {
        if self > top { top } else { self }
    }
}

fn driver_value(p: Millibar) -> f32 {
    unsafe { std::mem::transmute(p) }
}

fn main() {
    let top = Millibar(1100.0);
    for p in [Millibar(980.5), Millibar(1350.0)] {
        println!("send {:.1}", driver_value(p.clamp_to(top)));
    }
    println!("same size {}", size_of::<Millibar>() == size_of::<f32>());
}
