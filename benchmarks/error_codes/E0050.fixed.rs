trait Pricing {
    fn quote(&self, nights: u32, guests: u32) -> u32;
}

struct Cabin { per_night: u32 }
struct Hostel { per_bed: u32 }

impl Pricing for Cabin {
    fn quote(&self, nights: u32, guests: u32) -> u32 {
        let cleaning = 10 * guests;
        self.per_night * nights + cleaning
    }
}

impl Pricing for Hostel {
    fn quote(&self, nights: u32, guests: u32) -> u32 {
        let beds = guests;
        self.per_bed * nights * beds
    }
}

fn main() {
    let places: [(&str, Box<dyn Pricing>); 2] = [
        ("cabin", Box::new(Cabin { per_night: 80 })),
        ("hostel", Box::new(Hostel { per_bed: 22 })),
    ];
    for (label, place) in &places {
        println!("{label}: {}", place.quote(3, 4));
    }
}
