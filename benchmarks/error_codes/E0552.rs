#[repr(byte)]
#[derive(Clone, Copy)]
enum Opcode {
    Halt = 0,
    Push = 0x10,
    Add = 0x20,
}

fn encode(program: &[(Opcode, u8)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (opcode, operand) in program {
        out.push(*opcode as u8);
        out.push(*operand);
    }
    out
}

fn main() {
    let image = encode(&[(Opcode::Push, 7), (Opcode::Push, 5), (Opcode::Add, 0), (Opcode::Halt, 0)]);
    let hex: Vec<String> = image.iter().map(|b| format!("{b:02x}")).collect();
    println!("{}", hex.join(" "));
    println!("{} bytes", image.len() * std::mem::size_of::<Opcode>());
}
