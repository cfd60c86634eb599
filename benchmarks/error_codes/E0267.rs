fn main() {
    let river_levels = [212, 220, 231, 305, 240, 228];
    let alarm = 300;
    let mut safe_hours = 0;
    let mut sum = 0;
    river_levels.iter().for_each(|level| {
        if *level >= alarm {
            break;
        }
        safe_hours += 1;
        sum += level;
    });
    println!("{safe_hours} hours below {alarm}");
    println!("average before the alarm: {}", sum / safe_hours);
}
