struct Bond {
    issuer: &'static str,
    face_value: f64,
    coupon_rate: f64,
}

impl Bond {
    fn yearly_interest(&self) -> f64 {
        self.face_value * self.coupon / 100.0
    }
}

fn main() {
    let portfolio = [
        Bond { issuer: "Harbour Trust", face_value: 2000.0, coupon_rate: 3.5 },
        Bond { issuer: "Rail Works", face_value: 500.0, coupon_rate: 6.0 },
    ];
    let mut sum = 0.0;
    for bond in &portfolio {
        let interest = bond.yearly_interest();
        println!("{}: {interest:.2}", bond.issuer);
        sum += interest;
    }
    println!("total {sum:.2}");
}
