fn twin<T>(value: T) -> (T, T) { (value, value) }
fn main() { println!("{:?}", twin(3)); }
