use std::sync::Arc;
struct Gauge { level: i32 }
fn main() { let g = Arc::new(Gauge { level: 1 }); g.level = 3; println!("{}", g.level); }
