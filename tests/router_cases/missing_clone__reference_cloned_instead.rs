#[derive(Debug)]
enum Move { Left }
fn copy(moves: &Vec<Move>) -> Vec<Move> { moves.clone() }
fn main() { println!("{:?}", copy(&vec![Move::Left])); }
