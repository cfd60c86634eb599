fn main() { let doors = [true, false]; if !doors.first().copied() { println!("shut"); } }
