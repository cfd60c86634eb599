enum Gear { Low }
fn main() { let _ = Gear::Reverse; let _ = Gear::Low; }
