// Cost of posting a parcel, in cents.
fn postage(grams: u32, express: bool, km: u32) -> u32 {
    let weight_part = match grams {
        0..=500 => 390,
        501..=2000 => 590,
        _ => 990,
    };
    let distance_part = km / 100 * 25;
    let sum = weight_part + distance_part;
    if express {
        sum * 2
    } else {
        sum
    }
}

fn main() {
    println!("letter  {}", postage(80, false, 40));
    println!("books   {}", postage(1800, false, 650));
    println!("machine {}", postage(9000, true, 310));
}
