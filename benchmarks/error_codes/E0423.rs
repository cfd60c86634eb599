#[derive(Debug, Clone)]
struct Margin {
    top: u8,
    left: u8,
}

fn indent(margin: &Margin, text: &str) -> String {
    let mut page = "\n".repeat(margin.top as usize);
    for line in text.lines() {
        page.push_str(&" ".repeat(margin.left as usize));
        page.push_str(line);
        page.push('\n');
    }
    page
}

fn main() {
    let narrow = Margin { top: 0, left: 2 };
    let wide = Margin(1, 6);
    print!("{}", indent(&narrow, "chapter one\nthe mill"));
    print!("{}", indent(&wide, "chapter two\nthe weir"));
    println!("{:?} {:?}", narrow, wide);
}
