struct Piece<'a> { text: &'a str }
struct Holder { piece: Piece }
fn main() { let h = Holder { piece: Piece { text: "a" } }; println!("{}", h.piece.text); }
