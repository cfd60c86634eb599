#[derive(Debug)]
struct Tank {
    label: char,
    litres: u32,
}

fn pour(from: &mut Tank, to: &mut Tank, amount: u32) {
    let moved = amount.min(from.litres);
    from.litres -= moved;
    to.litres += moved;
}

fn main() {
    let mut tanks = [
        Tank { label: 'P', litres: 50 },
        Tank { label: 'Q', litres: 5 },
    ];
    let [source, target] = &mut tanks;
    pour(source, target, 18);
    pour(source, target, 40);
    for tank in &tanks {
        println!("{} {}", tank.label, tank.litres);
    }
}
