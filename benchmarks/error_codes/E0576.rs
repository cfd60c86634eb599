use std::collections::BTreeMap;

trait Catalogue {
    type Code: Ord;
    fn code(&self) -> Self::Code;
}

struct Stamp {
    country: &'static str,
    year: u16,
}

impl Catalogue for Stamp {
    type Code = (&'static str, u16);
    fn code(&self) -> Self::Code {
        (self.country, self.year)
    }
}

fn tally<C: Catalogue>(items: &[C]) -> BTreeMap<<C as Catalogue>::Codes, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item.code()).or_insert(0) += 1;
    }
    counts
}

fn main() {
    let album = [
        Stamp { country: "Peru", year: 1950 },
        Stamp { country: "Chad", year: 1971 },
        Stamp { country: "Peru", year: 1950 },
    ];
    for (code, n) in tally(&album) {
        println!("{} {}: {n}", code.0, code.1);
    }
}
