fn main() {
    let mut litres = 40;
    let demand = [5, 9, 3];
    println!("tank starts at {litres}");

    let half = litres / 2;
    let tank = &mut litres;
    for amount in demand {
        *tank -= amount;
        println!("drew {amount}");
    }

    if litres < half {
        println!("refill needed, {litres} left");
    } else {
        println!("fine, {} above half", litres - half);
    }
}
