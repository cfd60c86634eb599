struct Guest {
    name: &'static str,
    late: bool,
}

fn main() {
    let guests = [
        Guest { name: "Amara", late: false },
        Guest { name: "Bo", late: true },
        Guest { name: "Celine", late: false },
    ];
    let mut next = 100;
    let rooms = assign(&guests, |_| {
        next += 4;
        next
    });
    for (guest, room) in guests.iter().zip(&rooms) {
        println!("{} {} {}", guest.name, room, if guest.late { "late" } else { "on time" });
    }
}

fn assign<Item, Number>(items: &[Item], mut number: Number) -> Vec<u32>
where
    Number: FnMut(&Number) -> u32,
{
    let mut rooms = Vec::new();
    for item in items {
        rooms.push(number(item));
    }
    rooms
}
