use std::cell::RefCell;
use std::rc::Rc;

struct Turnstile {
    gate: u8,
    log: Rc<RefCell<Vec<String>>>,
}

impl Drop for Turnstile {
    fn drop(&mut self) {
        self.log.borrow_mut().push(format!("gate {} closed", self.gate));
    }
}

fn main() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let first = Turnstile { gate: 1, log: Rc::clone(&log) };
    let second = Turnstile { gate: 2, log: Rc::clone(&log) };
    log.borrow_mut().push(format!("gates {} and {} open", first.gate, second.gate));
    drop(second);
    log.borrow_mut().push("evening check".to_string());
    for line in log.borrow().iter() {
        println!("{line}");
    }
}
