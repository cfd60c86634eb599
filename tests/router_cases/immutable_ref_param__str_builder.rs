struct Doc { body: String }
fn stamp(doc: &Doc) { doc.body.insert(0, '#'); }
fn main() { let d = Doc { body: String::new() }; stamp(&d); }
