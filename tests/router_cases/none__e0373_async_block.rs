fn later(n: u32) -> impl std::future::Future<Output = u32> { async { n + 1 } }
fn main() { let _ = later(1); }
