use std::ffi::{c_char, CString};

extern "C" {
    fn strlen(text: *const c_char) -> usize;
    fn strncmp(left: *const c_char, right: *const c_char, count: usize) -> i32;
}

fn same_prefix(left: &str, right: &str, count: usize) -> bool {
    let left = CString::new(left).expect("no zero byte");
    let right = CString::new(right).expect("no zero byte");
    unsafe {
        let enough = strlen(left.as_ptr()) >= count && strlen(right.as_ptr()) >= count;
        enough && strncmp(left.as_ptr(), right.as_ptr(), count) == 0
    }
}

fn main() {
    println!("{}", same_prefix("harbour-east", "harbour-west", 7));
    println!("{}", same_prefix("harbour-east", "harbour-west", 9));
    println!("{}", same_prefix("dock", "dock", 5));
}
