#[derive(Debug)]
enum Direction { North }
fn main() { println!("{:?}", Diretcion::North); }
