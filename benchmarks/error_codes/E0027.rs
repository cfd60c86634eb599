struct Parcel {
    label: String,
    width: u32,
    height: u32,
    depth: u32,
}

impl Parcel {
    fn volume(&self) -> u32 {
        let Parcel { width, height, depth } = self;
        width * height * depth
    }
}

fn main() {
    let load = vec![
        Parcel { label: "books".to_string(), width: 30, height: 20, depth: 25 },
        Parcel { label: "kettle".to_string(), width: 22, height: 24, depth: 18 },
    ];
    for parcel in &load {
        println!("{:<8}{:>7} cm3", parcel.label, parcel.volume());
    }
    let total: u32 = load.iter().map(Parcel::volume).sum();
    println!("total   {:>7} cm3", total);
}
