trait Codec {
    fn encode(&self, text: &str) -> Vec<u8>;
    fn decode(&self, bytes: &[u8]) -> String;
}

struct Shift {
    by: u8,
}

impl Codec for Shift {
    type Error = String;

    fn encode(&self, text: &str) -> Vec<u8> {
        text.bytes().map(|b| b.wrapping_add(self.by)).collect()
    }
    fn decode(&self, bytes: &[u8]) -> String {
        bytes.iter().map(|b| char::from(b.wrapping_sub(self.by))).collect()
    }
}

fn main() {
    let codec = Shift { by: 3 };
    let secret = codec.encode("meet at nine");
    println!("{:?}", &secret[..4]);
    println!("{}", codec.decode(&secret));
}
