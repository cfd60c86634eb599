use std::sync::Arc;
fn main() { let text = Arc::new(String::new()); text.push('x'); }
