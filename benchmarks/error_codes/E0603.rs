mod tide {
    pub const HIGH_CM: i32 = 340;

    fn level_at(hour: i32) -> i32 {
        let phase = (hour % 12 - 6).abs();
        HIGH_CM * phase / 6
    }

    pub fn is_safe(hour: i32, draught_cm: i32) -> bool {
        level_at(hour) > draught_cm
    }
}

fn main() {
    for hour in [0, 3, 6, 10] {
        println!(
            "{hour:02}:00 level {:>3} cm, ferry {}",
            tide::level_at(hour),
            if tide::is_safe(hour, 150) { "sails" } else { "waits" }
        );
    }
    println!("high water {} cm", tide::HIGH_CM);
}
