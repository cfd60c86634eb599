fn grow(f: f32) -> f32 { f * 2.0 }
fn main() { let n = 3i32; println!("{}", grow(n)); }
