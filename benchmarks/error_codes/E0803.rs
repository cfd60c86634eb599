use std::fmt::Display;

trait Narrow<'long, 'short> {
    type View;
    fn narrow(&self, text: &'long str) -> Self::View;
}

struct Lens {
    width: usize,
}

impl<'long, 'short> Narrow<'long, 'short> for Lens
where
    'long: 'short,
{
    type View = &'short str;

    fn narrow(&self, text: &'long str) -> &'short str {
        &text[..self.width.min(text.len())]
    }
}

fn heading<'page, 'line>(lens: &Lens, text: &'page str) -> String
where
    <Lens as Narrow<'page, 'line>>::View: Display,
{
    format!("== {} ==", Narrow::<'page, '_>::narrow(lens, text))
}

fn main() {
    let lens = Lens { width: 9 };
    println!("{}", heading(&lens, "lighthouse keeping"));
    println!("{}", heading(&lens, "knots"));
}
