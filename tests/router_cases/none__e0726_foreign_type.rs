trait Tally {
    fn tally(self) -> usize;
}

impl Tally for std::str::Chars {
    fn tally(self) -> usize {
        self.count()
    }
}

fn main() {
    println!("{}", "abc".chars().tally());
}
