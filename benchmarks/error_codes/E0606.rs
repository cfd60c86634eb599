fn checksum(frame: &[u8]) -> u32 {
    let mut sum = 0u32;
    for byte in frame {
        sum = sum.rotate_left(3) ^ (byte as u32);
    }
    sum
}

fn verify(frame: &[u8], expected: u32) -> &'static str {
    if checksum(frame) == expected { "intact" } else { "damaged" }
}

fn main() {
    let frame = [0x12, 0xA0, 0x07, 0x44];
    let sum = checksum(&frame);
    println!("{:08x}", sum);
    println!("{}", verify(&frame, sum));
    println!("{}", verify(&frame[1..], sum));
}
