fn sing<T>(bird: T) { bird.warble(); }
fn main() { sing(1); }
