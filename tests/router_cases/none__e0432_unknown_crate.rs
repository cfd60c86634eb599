use serde_json::Value;
fn main() { let _: Option<Value> = None; }
