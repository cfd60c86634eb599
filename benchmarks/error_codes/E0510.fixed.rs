#[derive(Clone, Copy, Debug)]
enum Kiln {
    Cold,
    Warming,
    Ready,
}

fn advance(mut kiln: Kiln, degrees: u32) -> Kiln {
    match kiln {
        Kiln::Cold if degrees < 900 => {
            kiln = Kiln::Warming;
            println!("burner on")
        }
        Kiln::Cold | Kiln::Warming if degrees >= 900 => {
            println!("at temperature");
            kiln = Kiln::Ready;
        }
        _ => println!("nothing to do"),
    }
    kiln
}

fn main() {
    let mut kiln = Kiln::Cold;
    for degrees in [18, 420, 905, 910] {
        kiln = advance(kiln, degrees);
        println!("{degrees}: {kiln:?}");
    }
}
