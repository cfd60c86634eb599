fn main() {
    let stream = [b'T', b'P', b'L', b'4', 0, 3, b'x', b'y', b'z'];
    match body(&stream) {
        Some(bytes) => println!("{} bytes, first {}", bytes.len(), bytes[0] as char),
        None => println!("not a template"),
    }
    println!("{:?}", body(&stream[1..]).is_none());
}

fn body(stream: &[u8]) -> Option<&[u8]> {
    let rest = stream.strip_prefix(signature())?;
    let (length, rest) = rest.split_at_checked(2)?;
    let length = usize::from(length[0]) * 256 + usize::from(length[1]);
    rest.get(..length)
}

fn signature() -> &'static [u8; 4] {
    b"TPL4"
}
