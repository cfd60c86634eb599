#[repr("u8")]
#[derive(Clone, Copy)]
enum Opcode {
    Halt = 0,
    Load = 0x10,
    Add = 0x21,
    Jump = 0x7f,
}

fn assemble(program: &[Opcode]) -> Vec<u8> {
    program.iter().map(|op| *op as u8).collect()
}

fn main() {
    let program = [Opcode::Load, Opcode::Load, Opcode::Add, Opcode::Jump, Opcode::Halt];
    let image = assemble(&program);
    println!("{} bytes, one opcode takes {}", image.len(), std::mem::size_of::<Opcode>());
    for byte in &image {
        println!("{byte:02x}");
    }
}
