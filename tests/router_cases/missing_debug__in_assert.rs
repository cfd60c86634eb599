struct Score(u32);
impl PartialEq for Score { fn eq(&self, other: &Score) -> bool { self.0 == other.0 } }
fn main() { assert_eq!(Score(1), Score(1)); }
