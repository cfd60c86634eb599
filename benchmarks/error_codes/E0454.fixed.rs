use std::ffi::{c_char, c_int, CString};

#[link(name = "c")]
extern "C" {
    fn atoi(text: *const c_char) -> c_int;
    fn abs(value: c_int) -> c_int;
}

fn depth_of(field: &str) -> i32 {
    let field = CString::new(field).expect("plain text");
    unsafe { abs(atoi(field.as_ptr())) }
}

fn main() {
    let soundings = "-14,9,-230";
    let depths: Vec<i32> = soundings.split(',').map(depth_of).collect();
    println!("{:?}", depths);
    println!("deepest {}", depths.iter().max().unwrap());
}
