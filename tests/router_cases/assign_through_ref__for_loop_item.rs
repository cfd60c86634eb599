struct Seat { taken: bool }
fn main() {
    let seats = vec![Seat { taken: false }];
    for seat in seats.iter() { seat.taken = true; }
}
