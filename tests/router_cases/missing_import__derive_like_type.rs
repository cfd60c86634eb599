fn main() { let c = RefCell::new(1); *c.borrow_mut() += 1; println!("{}", c.borrow()); }
