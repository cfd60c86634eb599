const DOOR_OPEN: u8 = 0b0001;
const WINDOW_OPEN: u8 = 0b0010;
const SMOKE: u8 = 0b1000;

struct Room {
    name: &'static str,
    status: u8,
}

impl Room {
    fn has(&self, bit: u8) -> bool {
        (self.status & bit) as bool
    }
}

fn main() {
    let rooms = [
        Room { name: "lab", status: 0b1001 },
        Room { name: "attic", status: 0b0010 },
        Room { name: "hall", status: 0 },
    ];
    for room in &rooms {
        let open = room.has(DOOR_OPEN) || room.has(WINDOW_OPEN);
        println!("{}: open={} smoke={}", room.name, open, room.has(SMOKE));
    }
}
