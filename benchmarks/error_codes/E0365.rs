mod codec {
    mod runs {
        pub fn pack(text: &str) -> String {
            let mut out = String::new();
            let mut chars = text.chars().peekable();
            while let Some(c) = chars.next() {
                let mut n = 1;
                while chars.next_if_eq(&c).is_some() {
                    n += 1;
                }
                out.push_str(&format!("{n}{c}"));
            }
            out
        }
    }

    pub use self::runs as run_length;
}

fn main() {
    for row in ["wwwwbbw", "kk", ""] {
        let packed = codec::run_length::pack(row);
        println!("{row:?} -> {packed:?} ({} bytes)", packed.len());
    }
}
