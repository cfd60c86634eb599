#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Money {
    cents: i64,
    currency: [u8; 3],
}

impl Money {
    fn plus(self, other: Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Some(Money { cents: self.cents + other.cents, ..self })
    }
}

fn main() {
    let rent = Money { cents: 65_000, currency: *b"EUR" };
    let heating = Money { cents: 8_250, currency: *b"EUR" };
    let visa = Money { cents: 4_000, currency: *b"CHF" };
    println!("{:?}", rent.plus(heating).map(|sum| sum.cents));
    println!("{:?}", rent.plus(visa));
}
