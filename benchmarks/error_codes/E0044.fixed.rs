use std::os::raw::c_int;

extern "C" {
    fn abs(value: c_int) -> c_int;
}

fn deviation(expected: c_int, measured: c_int) -> c_int {
    unsafe { abs(measured - expected) }
}

fn main() {
    let expected: [c_int; 4] = [120, 80, 45, 300];
    let measured: [c_int; 4] = [118, 86, 45, 271];
    let mut worst = 0;
    for (e, m) in expected.iter().zip(&measured) {
        let d = deviation(*e, *m);
        println!("{e} vs {m}: off by {d}");
        worst = worst.max(d);
    }
    println!("worst deviation {worst}");
}
