struct Slot<'a, T> { item: &'a T }
fn wrap<'a, T>(list: &'a Vec<T>) -> Box<dyn Iterator<Item = &'a T> + 'a> { Box::new(list.iter()) }
fn keep<'a, T: Fn()>(job: T) -> Box<dyn Fn() + 'a> { Box::new(job) }
fn main() { let s = Slot { item: &1 }; keep(|| {}); wrap(&vec![*s.item]); }
