struct Parcel {
    weight: u32,
    town: String,
}

fn main() {
    let parcel = Parcel { weight: 3, town: "Ulm".into() };
    let Parcel { heaviness, town } = parcel;
    println!("{} {}", heaviness, town);
}
