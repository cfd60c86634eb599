use std::ffi::{c_char, c_int, CStr};

extern "C" {
    fn snprintf(buffer: *mut c_char, size: usize, format: *const c_char, ...) -> c_int;
}

fn ticket_label(number: c_int) -> String {
    let mut buffer = [0u8; 32];
    let capacity = buffer.len();
    let format = c"T-%05d";
    let written = unsafe {
        snprintf(buffer.as_mut_ptr() as *mut c_char, format.as_ptr())
    };
    assert!(written > 0 && (written as usize) < capacity, "label for {number}");
    let text = CStr::from_bytes_until_nul(&buffer).expect("terminated");
    text.to_string_lossy().into_owned()
}

fn main() {
    for number in [7, 42, 12345] {
        println!("{}", ticket_label(number));
    }
}
