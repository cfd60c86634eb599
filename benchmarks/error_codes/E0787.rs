use std::arch::naked_asm;

/// Area of a field plus a strip of hedge, computed by hand-written machine code.
#[unsafe(naked)]
extern "C" fn field_area(width: u64, depth: u64, hedge: u64) -> u64 {
    naked_asm!("mov rax, rdi", "imul rax, rsi");
    naked_asm!("add rax, rdx", "ret")
}

fn check(width: u64, depth: u64, hedge: u64) -> bool {
    field_area(width, depth, hedge) == width * depth + hedge
}

fn main() {
    let fields = [(12, 30, 7), (5, 5, 0), (100, 41, 16)];
    for (width, depth, hedge) in fields {
        println!("{width} x {depth} + {hedge} = {}", field_area(width, depth, hedge));
    }
    println!("{}", fields.iter().all(|(w, d, h)| check(*w, *d, *h)));
}
