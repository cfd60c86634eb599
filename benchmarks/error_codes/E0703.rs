type Filter = extern "C" fn(i16) -> i16;

extern "C" fn halve(sample: i16) -> i16 {
    sample / 2
}

extern "Cdecl" fn gate(sample: i16) -> i16 {
    if sample.abs() < 10 { 0 } else { sample }
}

fn apply(chain: &[Filter], samples: &[i16]) -> Vec<i16> {
    samples.iter().map(|&s| chain.iter().fold(s, |v, f| f(v))).collect()
}

fn main() {
    let samples = [4, -60, 18, 250];
    let halved = apply(&[halve, halve], &samples);
    println!("{halved:?}");
    let gated: Vec<i16> = samples.iter().map(|&s| gate(s)).collect();
    println!("{gated:?}");
}
