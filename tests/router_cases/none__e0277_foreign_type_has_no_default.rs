#[derive(Default)]
struct Log { at: std::time::Instant }
fn main() { let _ = Log::default().at; }
