#[derive(Debug)]
struct Booking {
    room: u8,
    from: u32,
    until: u32,
}

fn clash(plan: &[Booking], wanted: &Booking) -> Option<usize> {
    if wanted.from >= wanted.until {
        return ;
    }
    for (at, other) in plan.iter().enumerate() {
        if other.room == wanted.room && other.from < wanted.until && wanted.from < other.until {
            return Some(at);
        }
    }
    None
}

fn main() {
    let plan = vec![
        Booking { room: 1, from: 900, until: 1030 },
        Booking { room: 2, from: 1000, until: 1100 },
    ];
    for wanted in [
        Booking { room: 2, from: 1030, until: 1200 },
        Booking { room: 1, from: 1030, until: 1100 },
        Booking { room: 1, from: 1000, until: 1000 },
    ] {
        println!("{:?} {:?}", wanted, clash(&plan, &wanted));
    }
}
