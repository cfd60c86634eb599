fn keep<'x, 'y>(a: &'x str, b: &'y str) -> &'x str { if a.is_empty() { b } else { a } }
fn main() { println!("{}", keep("", "b")); }
