#[derive(Clone, Copy)]
struct Shift { dx: i32 }
fn main() {
    let s = Shift { dx: 3 };
    let back = -s;
    println!("{}", back.dx);
}
