struct Lexer<'s> {
    bytes: &'s [u8],
    at: usize,
}

impl Lexer<'_> {
    fn skip_blanks(&mut self) {
        while self.at < self.bytes.len() && self.bytes[self.at] == b'_' {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Option<u32> {
        self.skip_blanks();
        let start = self.at;
        while self.at < self.bytes.len() && self.bytes[self.at].is_ascii_digit() {
            self.at += 1;
        }
        std::str::from_utf8(&self.bytes[start..self.at]).ok()?.parse().ok()
    }
}

fn main() {
    let mut lexer = Lexer { bytes: b"__12_7___305", at: 0 };
    while let Some(number) = lexer.number() {
        println!("number {number} ends at {}", lexer.at);
    }
}
