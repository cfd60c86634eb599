use std::sync::atomic::{AtomicU32, Ordering};

static NEXT_TICKET: AtomicU32 = AtomicU32::new(100);

struct Ticket {
    number: u32,
    window: char,
}

fn issue(window: char) -> Ticket {
    let number = NEXT_TICKET.fetch_add(1, Ordering::Relaxed);
    Ticket { number, window }
}

fn main() {
    for window in ['A', 'B', 'A'] {
        let ticket = issue(window);
        println!("window {} ticket {}", ticket.window, ticket.number);
    }
    println!("next up {}", NEXT_TICKET.load(Ordering::Relaxed));
}
