trait Decoder<Raw> {
    type Value;
    fn decode(&self, raw: Raw) -> Self::Value;
}

struct BigEndian;

struct Ascii;

impl<'r> Decoder<&'r [u8]> for BigEndian {
    type Value = u32;
    fn decode(&self, raw: &'r [u8]) -> u32 {
        raw.iter().fold(0, |n, b| n * 256 + u32::from(*b))
    }
}

impl<'r> Decoder<&'r [u8]> for Ascii {
    type Value = &'r str;
    fn decode(&self, raw: &'r [u8]) -> &'r str {
        std::str::from_utf8(raw).unwrap_or("?")
    }
}

fn payload<D>(decoder: &D, packet: &[u8]) -> D::Value
where
    D: for<'r> Decoder<&'r [u8]>,
{
    decoder.decode(&packet[2..])
}

fn main() {
    println!("{}", payload(&BigEndian, &[9, 9, 1, 4]));
    println!("{}", payload(&Ascii, b"##tide"));
}
