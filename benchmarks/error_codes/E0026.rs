struct StockLine {
    sku: &'static str,
    units: u32,
    shelf: char,
}

fn needs_refill(line: &StockLine) -> bool {
    let StockLine { unit, shelf, .. } = line;
    let minimum = if *shelf == 'A' { 20 } else { 5 };
    *unit < minimum
}

fn main() {
    let lines = [
        StockLine { sku: "bolt-m4", units: 12, shelf: 'A' },
        StockLine { sku: "hinge-s", units: 7, shelf: 'C' },
        StockLine { sku: "glue-50", units: 3, shelf: 'B' },
    ];
    for line in &lines {
        println!("{} ({} left): refill {}", line.sku, line.units, needs_refill(line));
    }
}
