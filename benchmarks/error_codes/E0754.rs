/// Called by name from the plotting library.
#[no_mangle]
pub extern "C" fn flugzeit_für(meter: u32, tempo: u32) -> u32 {
    (meter + tempo - 1) / tempo
}

struct Drohne {
    name: &'static str,
    tempo: u32,
}

fn main() {
    let drohnen = [Drohne { name: "Falke", tempo: 14 }, Drohne { name: "Hummel", tempo: 5 }];
    for d in &drohnen {
        println!("{}: {} s", d.name, flugzeit_für(300, d.tempo));
    }
    println!("Hin und zurück: {} s", 2 * flugzeit_für(120, 10));
}
