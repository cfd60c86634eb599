fn twice<F>(f: F) where F: FnMut() { let mut f = f; f(); f(); }
fn main() { let s = String::from("x"); let job = move || drop(s); twice(job); }
