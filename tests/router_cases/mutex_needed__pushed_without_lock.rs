use std::sync::{Arc, Mutex};
fn main() {
    let n = Arc::new(Mutex::new(Vec::new()));
    n.push(1);
    println!("{:?}", n);
}
