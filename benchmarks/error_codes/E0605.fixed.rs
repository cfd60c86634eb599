#[derive(Clone, Copy)]
struct Fathoms(u32);

struct Sounding {
    buoy: char,
    depth: Fathoms,
}

fn metres(depth: Fathoms) -> f64 {
    f64::from(depth.0) * 1.8288
}

fn main() {
    let chart = [
        Sounding { buoy: 'N', depth: Fathoms(6) },
        Sounding { buoy: 'K', depth: Fathoms(31) },
    ];
    for sounding in &chart {
        println!("{}: {} fathoms = {:.2} m", sounding.buoy, sounding.depth.0, metres(sounding.depth));
    }
    let deepest = chart.iter().map(|s| metres(s.depth)).fold(0.0, f64::max);
    println!("deepest {deepest:.1}");
}
