fn show<T>(item: T) -> String { format!("{:?}", item) }
fn main() { println!("{}", show(1)); }
