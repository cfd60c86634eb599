#[derive(Debug)]
enum Key { Up, Down }
fn main() { let held = vec![Key::Up]; println!("{}", held[0] == Key::Down); }
