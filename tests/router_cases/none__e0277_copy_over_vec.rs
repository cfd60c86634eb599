#[derive(Clone)]
struct Tray {
    slots: Vec<u8>,
}

fn twice<T: Copy>(value: T) -> (T, T) {
    (value, value)
}

fn main() {
    let (a, b) = twice(Tray { slots: vec![1] });
    println!("{}", a.slots.len() + b.slots.len());
}
