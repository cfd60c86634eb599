use std::str::SplitWhitespace;

trait Cutter<'t> {
    type Pieces;
    fn cut(&self, text: &'t str) -> Self::Pieces;
}

struct ByWord;

impl<'t> Cutter<'t> for ByWord {
    type Pieces = SplitWhitespace<'t>;
    fn cut(&self, text: &'t str) -> SplitWhitespace<'t> {
        text.split_whitespace()
    }
}

fn cutter() -> impl for<'t> Cutter<'t, Pieces = SplitWhitespace<'t>> {
    ByWord
}

fn main() {
    let cutter = cutter();
    for line in ["the quick tram", "two  stops left"] {
        let lengths: Vec<usize> = cutter.cut(line).map(|piece| piece.len()).collect();
        println!("{lengths:?}");
    }
}
