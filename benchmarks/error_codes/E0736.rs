use std::arch::naked_asm;

#[inline]
#[unsafe(naked)]
extern "C" fn blend(low: u64, high: u64) -> u64 {
    naked_asm!(
        "lea rax, [rdi + 2*rsi]",
        "ret",
    )
}

struct Pixel {
    shade: u64,
    glow: u64,
}

fn main() {
    let strip = [
        Pixel { shade: 10, glow: 1 },
        Pixel { shade: 0, glow: 64 },
        Pixel { shade: 255, glow: 0 },
    ];
    let mixed: Vec<u64> = strip.iter().map(|p| blend(p.shade, p.glow)).collect();
    println!("mixed {mixed:?}");
    println!("brightest {}", mixed.iter().max().unwrap());
}
