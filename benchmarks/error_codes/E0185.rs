trait Currency {
    fn symbol() -> &'static str;
    fn cents(&self) -> i64;
}

struct Euro(i64);
struct Franc(i64);

impl Currency for Euro {
    fn symbol() -> &'static str {
        "EUR"
    }
    fn cents(&self) -> i64 {
        self.0
    }
}

impl Currency for Franc {
    fn symbol(&self) -> &'static str {
        "CHF"
    }
    fn cents(&self) -> i64 {
        self.0
    }
}

fn show<C: Currency>(amounts: &[C]) {
    let sum: i64 = amounts.iter().map(|a| a.cents()).sum();
    println!("{} {}.{:02}", C::symbol(), sum / 100, sum % 100);
}

fn main() {
    show(&[Euro(1250), Euro(399)]);
    show(&[Franc(80), Franc(2025)]);
}
