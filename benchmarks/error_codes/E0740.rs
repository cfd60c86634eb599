use std::mem::ManuallyDrop;

union Payload {
    number: u64,
    label: String,
}

fn with_label(text: &str) -> usize {
    let mut payload = Payload { number: 0 };
    payload.label = ManuallyDrop::new(text.to_uppercase());
    let label = unsafe { payload.label.trim_end().to_string() };
    unsafe { std::ptr::drop_in_place(&mut *payload.label) };
    println!("label {label}");
    label.len()
}

fn with_number(n: u64) -> u64 {
    let payload = Payload { number: n };
    unsafe { payload.number * 2 }
}

fn main() {
    let len = with_label("pallet nine");
    println!("{len} characters");
    println!("doubled {}", with_number(21));
}
