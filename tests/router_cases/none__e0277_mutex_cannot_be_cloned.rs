use std::sync::Mutex;
#[derive(Clone)]
struct Shared { cell: Mutex<u8> }
fn main() { let _ = Shared { cell: Mutex::new(1) }.clone(); }
