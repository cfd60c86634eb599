#[derive(Debug)]
enum Mode { Fast, Slow }
#[derive(Debug, Default)]
struct Conf { mode: Mode, n: u32 }
fn main() { println!("{:?} {:?} {:?}", Conf::default().n, Mode::Fast, Mode::Slow); println!("{:?}", Conf::default().mode); }
