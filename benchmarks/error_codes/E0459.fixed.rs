use std::os::raw::c_int;

#[link(name = "c", kind = "dylib")]
extern "C" {
    #[link_name = "toupper"]
    fn c_toupper(letter: c_int) -> c_int;
}

fn shout(text: &str) -> String {
    text.bytes()
        .map(|b| unsafe { c_toupper(b as c_int) } as u8 as char)
        .collect()
}

fn main() {
    for call in ["mind the gap", "platform 4b"] {
        println!("{}!", shout(call));
    }
}
