use std::thread;
fn main() {
    let names = vec![String::from("a")];
    for i in 0..2 {
        thread::spawn(move || println!("{i} {:?}", names)).join().unwrap();
    }
}
