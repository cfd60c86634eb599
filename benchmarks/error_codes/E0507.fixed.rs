struct Parcel {
    street: String,
    grams: u32,
}

struct Van {
    load: Vec<Parcel>,
}

impl Van {
    fn heaviest_street(&self) -> Option<String> {
        let parcel = self.load.iter().max_by_key(|parcel| parcel.grams)?;
        Some(parcel.street.clone())
    }

    fn grams(&self) -> u32 {
        self.load.iter().map(|parcel| parcel.grams).sum()
    }
}

fn main() {
    let mut van = Van { load: Vec::new() };
    println!("{:?}", van.heaviest_street());
    for (street, grams) in [("Mill Lane", 820), ("Quay", 2400), ("High Street", 75)] {
        van.load.push(Parcel { street: street.to_string(), grams });
    }
    println!("{:?} of {} g", van.heaviest_street(), van.grams());
}
