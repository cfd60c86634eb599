static FULL: u32 = 12;

fn tray(eggs: u32) -> String {
    match eggs {
        0 => "empty tray".to_string(),
        FULL => "full tray".to_string(),
        n if n > FULL => format!("{} too many", n - FULL),
        n => format!("room for {}", FULL - n),
    }
}

fn main() {
    let mut count = 0;
    for basket in [0, 5, 7, 4] {
        count += basket;
        println!("{count:>2}: {}", tray(count));
    }
}
