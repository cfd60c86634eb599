struct Region {
    base: usize,
    length: usize,
}

fn contains(region: &Region, address: usize) -> bool {
    address >= region.base && address - region.base < region.length
}

fn main() {
    let flash = Region { base: 0x0800_0000, length: 0x1000 };
    for offset in [0, 0x0fff, 0x1000] {
        let entry = (flash.base + offset) as *const _;
        let inside = contains(&flash, flash.base + offset);
        println!("{:p} {}", entry, if inside { "flash" } else { "outside" });
    }
}
