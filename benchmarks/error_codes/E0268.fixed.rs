#[derive(Debug)]
struct Parcel {
    id: u32,
    grams: u32,
}

fn load(parcels: &[Parcel], limit: u32) -> Vec<u32> {
    let mut loaded = Vec::new();
    let mut used = 0;
    for parcel in parcels {
        if used + parcel.grams > limit {
            break;
        }
        used += parcel.grams;
        loaded.push(parcel.id);
    }
    loaded
}

fn report(parcels: &[Parcel], limit: u32) {
    if parcels.is_empty() {
        println!("nothing to load");
        return;
    }
    println!("limit {}: {:?}", limit, load(parcels, limit));
}

fn main() {
    let parcels = [Parcel { id: 31, grams: 400 }, Parcel { id: 32, grams: 900 }, Parcel { id: 33, grams: 250 }];
    report(&parcels, 1400);
    report(&[], 1400);
    report(&parcels, 2000);
}
