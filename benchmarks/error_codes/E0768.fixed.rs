const READ: u8 = 0b001;
const WRITE: u8 = 0b010;
const NOTHING: u8 = 0b000;

struct Door {
    name: &'static str,
    mode: u8,
}

fn describe(door: &Door) -> String {
    if door.mode == NOTHING {
        return format!("{}: closed", door.name);
    }
    let read = if door.mode & READ != 0 { "r" } else { "-" };
    let write = if door.mode & WRITE != 0 { "w" } else { "-" };
    format!("{}: {}{}", door.name, read, write)
}

fn main() {
    let doors = [
        Door { name: "archive", mode: READ },
        Door { name: "vault", mode: NOTHING },
        Door { name: "desk", mode: READ | WRITE },
    ];
    for door in &doors {
        println!("{}", describe(door));
    }
}
