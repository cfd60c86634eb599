use std::fmt::Display;

struct Caption<'left, 'right, T: ?Sized + 'left + 'right> {
    first: &'left T,
    second: &'right T,
}

fn join(caption: &Caption<dyn Display + 'static>, width: usize) -> String {
    let text = format!("{} | {}", caption.first, caption.second);
    format!("{text:>width$}")
}

fn main() {
    let page = 12;
    let chapter = "Harbour";
    let odd = Caption { first: &page as &dyn Display, second: &chapter };
    let even = Caption { first: &chapter as &dyn Display, second: &page };
    println!("[{}]", join(&odd, 16));
    println!("[{}]", join(&even, 20));
}
