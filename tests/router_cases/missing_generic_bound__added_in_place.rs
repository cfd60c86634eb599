fn total<T: Copy + Default>(items: &[T]) -> T { let mut t = T::default(); for i in items { t += *i; } t }
fn main() { println!("{}", total(&[1])); }
