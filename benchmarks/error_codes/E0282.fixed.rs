struct Plot {
    name: &'static str,
    side: u64,
}

fn main() {
    let area = |side: u64| side.pow(2);
    let plots = [
        Plot { name: "orchard", side: 40 },
        Plot { name: "herbs", side: 3 },
        Plot { name: "pond", side: 11 },
    ];
    let mut whole: u64 = 0;
    for plot in &plots {
        let square = area(plot.side);
        println!("{}: {} m2", plot.name, square);
        whole += square;
    }
    println!("whole garden: {whole} m2");
}
