use std::thread;
fn main() {
    let name = String::from("w");
    let job = thread::Builder::new().spawn(|| println!("{name}")).unwrap();
    job.join().unwrap();
}
