fn show<I: Iterator>(items: I) { for x in items { println!("{}", x); } }
fn main() { show(vec![1].into_iter()); }
