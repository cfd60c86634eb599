#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
enum Opcode {
    Halt = 0,
    Push = 1,
    Add = 2,
    Multiply = 3,
    Print = 4,
}

fn decode(byte: u8) -> Option<Opcode> {
    Some(match byte {
        0 => Opcode::Halt,
        1 => Opcode::Push,
        2 => Opcode::Add,
        3 => Opcode::Multiply,
        4 => Opcode::Print,
        _ => return None,
    })
}

fn main() {
    for byte in 0..=5u8 {
        match decode(byte) {
            Some(op) => {
                assert_eq!(op as u8, byte);
                println!("{byte:#04x} {op:?}");
            }
            None => println!("{byte:#04x} unknown"),
        }
    }
}
