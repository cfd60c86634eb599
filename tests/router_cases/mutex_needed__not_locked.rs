use std::sync::{Arc, Mutex};
fn main() {
    let n = Arc::new(Mutex::new(0));
    *n += 1;
    println!("{:?}", n);
}
