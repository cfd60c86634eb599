fn wind_stats(gusts: &[u32]) -> (u32, u32) {
    let mut strongest = 0;
    let mut above_gale: u32;
    for gust in gusts {
        if *gust > strongest {
            strongest = *gust;
        }
        if *gust >= 17 {
            above_gale += 1;
        }
    }
    (strongest, above_gale)
}

fn main() {
    let (strongest, count) = wind_stats(&[9, 18, 22, 14, 17]);
    println!("strongest gust {strongest} m/s");
    println!("gale readings {count}");
}
