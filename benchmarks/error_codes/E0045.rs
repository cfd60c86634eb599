use std::ffi::{c_char, c_int, CStr};

extern "Rust" {
    fn snprintf(buffer: *mut c_char, size: usize, format: *const c_char, ...) -> c_int;
}

/// Formats a tram departure with the C library.
fn departure(line: c_int, minute: c_int) -> String {
    let mut buffer = [0 as c_char; 32];
    let written = unsafe {
        snprintf(
            buffer.as_mut_ptr(),
            buffer.len(),
            c"tram %d at :%02d".as_ptr(),
            line,
            minute,
        )
    };
    assert!(written > 0);
    let text = unsafe { CStr::from_ptr(buffer.as_ptr()) };
    text.to_string_lossy().into_owned()
}

fn main() {
    for (line, minute) in [(4, 5), (11, 40)] {
        println!("{}", departure(line, minute));
    }
}
