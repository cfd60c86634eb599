struct Tank {
    litres: u32,
    log: Vec<String>,
}

fn describe(tank: &Tank) -> String {
    format!("{} litres after {} steps", tank.litres, tank.log.len())
}

fn run(tank: &mut Tank) -> String {
    let pour = |t: &mut Tank, amount: u32| {
        t.litres += amount;
        t.log.push(format!("+{}", amount));
    };
    pour(tank, 15);
    let summary = describe(tank);
    pour(tank, 40);
    summary
}

fn main() {
    let mut tank = Tank { litres: 5, log: Vec::new() };
    let summary = run(&mut tank);
    println!("first pour: {}", summary);
    println!("{} now {}", tank.log.join(" "), tank.litres);
}
