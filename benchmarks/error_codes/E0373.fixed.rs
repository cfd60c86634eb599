/// Builds a price function for one customer of the print shop.
fn pricing(discount: u32) -> Box<dyn Fn(u32) -> u32> {
    Box::new(move |pages| {
        let full = pages * 12;
        full - full * discount / 100
    })
}

fn main() {
    let regular = pricing(0);
    let school = pricing(25);
    for pages in [10, 80] {
        println!("{pages} pages: {} / {}", regular(pages), school(pages));
    }
}
