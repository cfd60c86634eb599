use std::collections::hash::map::HashMap;
fn main() { let _: Option<HashMap<u8, u8>> = None; }
