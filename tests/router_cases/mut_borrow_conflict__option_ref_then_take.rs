fn main() {
    let mut slot = Some(String::from("a"));
    let seen = slot.as_ref();
    let taken = slot.take();
    println!("{:?} {:?}", seen, taken);
}
