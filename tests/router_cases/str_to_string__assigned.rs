fn main() { let mut s = String::from("a"); s = "b"; println!("{s}"); }
