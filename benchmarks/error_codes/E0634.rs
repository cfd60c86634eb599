use std::mem::size_of;

const HEADER_LEN: usize = 7;

#[repr(C, packed(1), packed(2))]
#[derive(Clone, Copy)]
struct Header {
    kind: u8,
    length: u32,
    checksum: u16,
}

fn header(kind: u8, body: &[u8]) -> Header {
    let checksum = body.iter().fold(0u16, |sum, b| sum.rotate_left(1) ^ u16::from(*b));
    Header { kind, length: body.len() as u32, checksum }
}

fn main() {
    assert_eq!(size_of::<Header>(), HEADER_LEN);
    let head = header(3, b"sluice open");
    let (length, checksum) = (head.length, head.checksum);
    println!("kind {} length {length} checksum {checksum:04x}", head.kind);
    println!("whole message: {} bytes", size_of::<Header>() + length as usize);
}
