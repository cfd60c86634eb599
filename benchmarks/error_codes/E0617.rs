use std::ffi::CStr;
use std::os::raw::{c_char, c_int};

extern "C" {
    fn snprintf(buffer: *mut c_char, size: usize, format: *const c_char, ...) -> c_int;
}

fn fixed(value: f32) -> String {
    let mut buffer = [0 as c_char; 32];
    unsafe {
        snprintf(buffer.as_mut_ptr(), buffer.len(), c"%08.3f".as_ptr(), value);
        CStr::from_ptr(buffer.as_ptr()).to_string_lossy().into_owned()
    }
}

fn main() {
    for reading in [1.5f32, -0.25, 1234.0] {
        println!("<{}>", fixed(reading));
    }
}
