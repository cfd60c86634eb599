#[derive(Debug)]
struct Interval<Low = f64, High = Low> {
    low: Low,
    high: High,
}

type Span = Interval;

fn midpoint(span: &Span) -> f64 {
    (span.low + span.high) / 2.0
}

fn clamp(span: &Span, value: f64) -> f64 {
    value.max(span.low).min(span.high)
}

fn main() {
    let comfort: Span = Interval { low: 18.5, high: 23.5 };
    let mixed: Interval<u8, u16> = Interval { low: 7, high: 700 };
    println!("{}", midpoint(&comfort));
    for degrees in [12.0, 20.25, 31.0] {
        println!("{} -> {}", degrees, clamp(&comfort, degrees));
    }
    println!("{:?} {}", mixed, mixed.high - u16::from(mixed.low));
}
