struct Seat {
    row: char,
    number: u32,
    price: f64,
}

fn block(row: char, count: u32) -> Vec<Seat> {
    let mut seats = Vec::new();
    for number in 1..=count {
        let price = if number % count < 2 { 12.5 } else { 18.0 };
        seats.push(Seat { row, number, price, row });
    }
    seats
}

fn main() {
    let seats = block('F', 4);
    for seat in &seats {
        println!("{}{}: {:.2}", seat.row, seat.number, seat.price);
    }
    println!("full row: {:.2}", seats.iter().map(|s| s.price).sum::<f64>());
}
