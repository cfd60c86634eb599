fn main() { let text = *"abc"; let _ = text; }
