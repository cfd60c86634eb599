fn main() { let mut best: Option<u8> = None; for n in [1u8, 2] { best = n; } println!("{:?}", best); }
