trait Sink { fn put<T: Clone>(&mut self, item: T); }
struct Bin { n: usize }
impl Sink for Bin { fn put(&mut self, item: u32) { self.n += item as usize; } }
fn main() { let mut b = Bin { n: 0 }; b.put(3); println!("{}", b.n); }
