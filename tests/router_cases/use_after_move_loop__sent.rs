use std::sync::mpsc;
fn main() {
    let (tx, rx) = mpsc::channel();
    let word = String::from("x");
    loop {
        tx.send(word).unwrap();
        if rx.recv().is_ok() { break; }
    }
    for _ in 0..2 { tx.send(String::new()).unwrap(); }
}
