struct Ticket {
    zone: u32,
    child: bool,
}

fn main() {
    let fare = |zone: u32, child: bool| {
        let full = 180 + zone * 70;
        if child { full / 2 } else { full }
    };
    let family = [
        Ticket { zone: 3, child: false },
        Ticket { zone: 3, child: true },
        Ticket { zone: 1, child: true },
    ];
    let mut total = 0;
    for ticket in &family {
        let cents = fare(ticket.zone, ticket.child);
        println!("zone {} child {} -> {} cents", ticket.zone, ticket.child, cents);
        total += cents;
    }
    println!("total {total}");
}
