trait Protocol {
    const NAME: &'static str;
    const END: u8;
}

struct Modem;
struct Pager;

impl Protocol for Modem {
    const NAME: &'static str = "modem";
    const END: u8 = 0x04;
}

impl Protocol for Pager {
    const NAME: &'static str = "pager";
    const END: u8 = b'#';
}

fn payload<P: Protocol>(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte {
            P::END => break,
            b'\r' => {}
            other => text.push(other as char),
        }
    }
    format!("{}: {}", P::NAME, text)
}

fn main() {
    println!("{}", payload::<Modem>(b"call\r me#1\x04junk"));
    println!("{}", payload::<Pager>(b"call\r me#1\x04junk"));
}
