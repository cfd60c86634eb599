use std::mem::{align_of, size_of};

#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct DmaBlock {
    address: u64,
    length: u32,
    last: bool,
}

fn fill(blocks: &mut [DmaBlock]) {
    let count = blocks.len();
    for (i, block) in blocks.iter_mut().enumerate() {
        block.address = 0x4000 + 0x100 * i as u64;
        block.length = 256;
        block.last = i + 1 == count;
    }
}

fn main() {
    assert_eq!(align_of::<DmaBlock>(), 16);
    let mut ring = [DmaBlock { address: 0, length: 0, last: false }; 3];
    fill(&mut ring);
    for block in &ring {
        let (address, length, last) = (block.address, block.length, block.last);
        println!("{address:#x} +{length} last={last}");
    }
    println!("{} bytes each", size_of::<DmaBlock>());
}
