fn main() { let found = [4u8].first().copied(); match found { Ok(n) => println!("{n}"), Err(_) => println!("none") } }
