use std::rc::Rc;
fn main() { let r = Rc::new(1); std::thread::spawn(move || println!("{}", r)); }
