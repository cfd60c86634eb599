#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Channel {
    Left = 1,
    Right = 2,
}

#[derive(Debug)]
#[repr(u8)]
struct FrameHeader {
    channel: u8,
    length: u16,
    checksum: u32,
}

fn header(channel: Channel, payload: &[u8]) -> FrameHeader {
    let checksum = payload.iter().map(|b| *b as u32).sum();
    FrameHeader { channel: channel as u8, length: payload.len() as u16, checksum }
}

fn main() {
    println!("{:?}", header(Channel::Left, &[10, 20, 30]));
    println!("{:?}", header(Channel::Right, b"ok"));
    println!("{} bytes", std::mem::size_of::<FrameHeader>());
}
