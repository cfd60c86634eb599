struct Bag<T> { items: Vec<T> }
impl<T> Bag<T> { fn names(&self) -> Vec<String> { self.items.iter().map(|i| i.to_string()).collect() } }
fn main() { println!("{:?}", Bag { items: vec![1] }.names()); }
