trait Glyph {
    fn width() -> usize;
    fn paint(&self) -> String;
}

struct Bar(usize);
struct Dot;

impl Glyph for Bar {
    fn width() -> usize {
        6
    }
    fn paint(&self) -> String {
        let full = self.0.min(Self::width());
        format!("{}{}", "=".repeat(full), " ".repeat(Self::width() - full))
    }
}

impl Glyph for Dot {
    fn width() -> usize {
        1
    }
    fn paint(&self) -> String {
        "o".repeat(Self::width())
    }
}

fn main() {
    println!("[{}] {}", Bar(4).paint(), Dot.paint());
    println!("[{}] {}", Bar(9).paint(), Bar::width() + Dot::width());
}
