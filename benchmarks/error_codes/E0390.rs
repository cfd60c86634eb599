struct Parcel {
    grams: u32,
    express: bool,
}

impl &Parcel {
    fn postage(&self) -> u32 {
        let base = match self.grams {
            0..=100 => 95,
            101..=500 => 180,
            _ => 450,
        };
        if self.express { base * 2 } else { base }
    }
}

fn main() {
    let counter = vec![
        Parcel { grams: 60, express: false },
        Parcel { grams: 340, express: true },
        Parcel { grams: 2100, express: false },
    ];
    let mut sum = 0;
    for parcel in &counter {
        let cents = parcel.postage();
        println!("{:>5} g {cents:>4} ct", parcel.grams);
        sum += cents;
    }
    println!("sum {sum}");
}
