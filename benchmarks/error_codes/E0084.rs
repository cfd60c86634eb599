use std::fmt;

#[repr(u8)]
enum Never {}

impl fmt::Display for Never {
    fn fmt(&self, _out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

fn checksum(frame: &[u8]) -> Result<u8, Never> {
    Ok(frame.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)))
}

fn main() {
    let frames: [&[u8]; 3] = [b"hello", b"", &[250, 9]];
    for frame in frames {
        match checksum(frame) {
            Ok(sum) => println!("{} bytes, sum {}", frame.len(), sum),
            Err(why) => println!("{why}"),
        }
    }
}
