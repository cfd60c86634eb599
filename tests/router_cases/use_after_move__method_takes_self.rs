struct Key(String);
impl Key { fn open(self) -> usize { self.0.len() } }
fn main() { let k = Key(String::new()); k.open(); k.open(); }
