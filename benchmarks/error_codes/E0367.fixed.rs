use std::fmt::Display;

struct Span<Tag: Display> {
    tag: Tag,
    depth: usize,
}

impl<Tag: Display> Drop for Span<Tag> {
    fn drop(&mut self) {
        println!("{}leave {}", "  ".repeat(self.depth), self.tag);
    }
}

fn enter<Tag: Display>(tag: Tag, depth: usize) -> Span<Tag> {
    println!("{}enter {}", "  ".repeat(depth), tag);
    Span { tag, depth }
}

fn main() {
    let _request = enter("request", 0);
    {
        let _query = enter(17, 1);
        println!("    rows: 3");
    }
    let _render = enter("render", 1);
}
