enum RadioPacket {
    Beacon { channel: u8 },
    Payload { channel: u8, words: Vec<u16> },
}

type Pkt = RadioPacket;

fn frame(channel: u8, words: &[u16]) -> Pkt {
    if words.is_empty() {
        return Pkt::Beacon { channel };
    }
    Pkt::Payload { channel, words: words.to_vec() }
}

fn describe(packet: &Pkt) -> String {
    match packet {
        RadioPacket::Beacon { channel } => format!("beacon on {channel}"),
        RadioPacket::Payload { channel, words } => {
            let sum: u32 = words.iter().map(|w| u32::from(*w)).sum();
            format!("{} words on {channel}, sum {sum}", words.len())
        }
    }
}

fn main() {
    println!("{}", describe(&frame(4, &[])));
    println!("{}", describe(&frame(11, &[300, 20, 65000])));
}
