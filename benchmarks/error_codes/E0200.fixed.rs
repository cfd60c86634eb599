use std::mem::size_of;

/// Types for which an all-zero bit pattern is a valid value.
unsafe trait Zeroable: Sized {
    fn zeroed() -> Self {
        unsafe { std::mem::zeroed() }
    }
}

#[derive(Debug)]
struct Sample {
    tick: u32,
    volts: f32,
}

#[derive(Debug)]
struct Marker(u8);

unsafe impl Zeroable for Sample {}
unsafe impl Zeroable for Marker {}

fn main() {
    let sample = Sample::zeroed();
    println!("{} {} {:?}", sample.tick, sample.volts, sample);
    let marker = Marker::zeroed();
    println!("{} {:?}", marker.0, marker);
    println!("{} bytes", size_of::<Sample>() + size_of::<Marker>());
}
