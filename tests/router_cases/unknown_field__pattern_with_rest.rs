struct Parcel {
    weight: u32,
    town: String,
    paid: bool,
}

fn describe(parcel: &Parcel) -> u32 {
    let Parcel { heaviness, .. } = parcel;
    *heaviness
}

fn main() {
    let parcel = Parcel { weight: 3, town: "Ulm".into(), paid: true };
    println!("{} {} {}", describe(&parcel), parcel.town, parcel.paid);
    println!("{}", parcel.weight);
}
