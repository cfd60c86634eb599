fn own(v: Vec<String>) -> usize { v.len() }
fn main() { let v = vec![String::new()]; println!("{}", own(&v)); }
