#[derive(Default)]
struct Margins {
    top: usize,
    left: usize,
    fill: Option<char>,
}

fn layout(text: &str, margins: &Margins) -> String {
    let fill = margins.fill.unwrap_or('.').to_string();
    let mut page = "\n".repeat(margins.top);
    for line in text.lines() {
        page.push_str(&fill.repeat(margins.left));
        page.push_str(line);
        page.push('\n');
    }
    page
}

fn main() {
    let letter = Margins { left: 4, ..Default::default() };
    print!("{}", layout("Dear Ada,\nthe parts arrived.", &letter));
    let poster = Margins { top: 1, left: 2, fill: Some('#') };
    print!("{}", layout("SALE", &poster));
}
