trait Sink { fn put<T>(&mut self, item: T); }
struct Bin { n: usize }
impl Sink for Bin { fn put<T: Clone>(&mut self, item: T) { let _ = item.clone(); self.n += 1; } }
fn main() { let mut b = Bin { n: 0 }; b.put(3); println!("{}", b.n); }
