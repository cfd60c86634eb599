// Heights of a hiking trail, in metres.
fn climbs(heights: &[i32]) -> _ {
    let mut ups: Vec<i32> = Vec::new();
    for pair in heights.windows(2) {
        if pair[1] > pair[0] {
            ups.push(pair[1] - pair[0]);
        }
    }
    ups
}

fn main() {
    let trail = [410, 455, 450, 620, 615, 615, 700];
    let ups = climbs(&trail);
    for (i, up) in ups.iter().enumerate() {
        println!("climb {}: {up} m", i + 1);
    }
    println!("total ascent {} m", ups.iter().sum::<i32>());
}
