union Register {
    word: u32,
    bytes: [u8; 4],
}

fn load(word: u32) -> Register {
    Register { word, bytes: word.to_ne_bytes() }
}

fn checksum(register: &Register) -> u32 {
    let bytes = unsafe { register.bytes };
    bytes.iter().map(|b| *b as u32).sum()
}

fn main() {
    for word in [0x0102_0304, 0xff00_00ff, 0] {
        let register = load(word);
        let back = unsafe { register.word };
        println!("{back:08x} sums to {}", checksum(&register));
    }
}
