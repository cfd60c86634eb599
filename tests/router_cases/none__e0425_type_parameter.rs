struct W<T> { v: T }
impl W<T> { fn get(&self) -> &T { &self.v } }
fn main() { println!("{}", W { v: 1 }.get()); }
