use std::thread;
fn main() {
    let data = vec![1];
    let view = &data;
    thread::spawn(move || println!("{:?}", view));
}
