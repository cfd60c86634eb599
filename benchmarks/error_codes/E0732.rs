enum Frame {
    Ping = 1,
    Data(u16) = 4,
    Close { reason: u8 } = 9,
}

impl Frame {
    // The tag is the first byte of every frame.
    fn tag(&self) -> u8 {
        unsafe { *(self as *const Frame).cast::<u8>() }
    }

    fn body(&self) -> Vec<u8> {
        match self {
            Frame::Ping => vec![],
            Frame::Data(word) => word.to_be_bytes().to_vec(),
            Frame::Close { reason } => vec![*reason],
        }
    }
}

fn main() {
    for frame in [Frame::Ping, Frame::Data(515), Frame::Close { reason: 7 }] {
        println!("{} {:?}", frame.tag(), frame.body());
    }
}
