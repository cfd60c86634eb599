struct Parcel {
    grams: u32,
    fragile: bool,
}

fn postage(parcel: &Parcel) -> u32 {
    let base = 300 + parcel.grams / 100 * 15;
    let surcharge: u32 = if parcel.fragile {
        120
    } else {
        0
    };
    base + surcharge
}

fn main() {
    let parcels = [
        Parcel { grams: 450, fragile: true },
        Parcel { grams: 1200, fragile: false },
    ];
    for parcel in &parcels {
        println!("{} g -> {} cents", parcel.grams, postage(parcel));
    }
}
