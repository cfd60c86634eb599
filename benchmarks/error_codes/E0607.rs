struct Arena {
    bytes: Vec<u8>,
}

impl Arena {
    fn store(&mut self, record: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        (start, record.len())
    }

    fn view(&self, start: usize, len: usize) -> &[u8] {
        assert!(start + len <= self.bytes.len());
        let head: *const u8 = self.bytes[start..].as_ptr();
        let window = head as *const [u8];
        unsafe { &*window }
    }
}

fn main() {
    let mut arena = Arena { bytes: Vec::new() };
    let spans = [arena.store(b"cedar"), arena.store(b"oak"), arena.store(b"")];
    for (start, len) in spans {
        println!("{start}+{len}: {:?}", String::from_utf8_lossy(arena.view(start, len)));
    }
}
