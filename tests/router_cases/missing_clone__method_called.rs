struct Key { code: u8 }
fn main() { let k = Key { code: 1 }; let again = k.clone(); println!("{}{}", k.code, again.code); }
