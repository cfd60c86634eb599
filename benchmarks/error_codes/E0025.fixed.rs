#[derive(Debug, Clone)]
struct Booking {
    guest: String,
    first_night: u32,
    last_night: u32,
    room: u16,
}

fn nights(booking: &Booking) -> u32 {
    let Booking { first_night: arrival, last_night: departure, .. } = booking;
    departure - arrival
}

fn main() {
    let bookings = vec![
        Booking { guest: "Okafor".to_string(), first_night: 12, last_night: 15, room: 204 },
        Booking { guest: "Lindqvist".to_string(), first_night: 3, last_night: 10, room: 118 },
    ];
    for b in &bookings {
        println!("room {} {}: {} nights from {} to {}", b.room, b.guest, nights(b), b.first_night, b.last_night);
    }
    let total: u32 = bookings.iter().map(nights).sum();
    println!("total {} nights", total);
}
