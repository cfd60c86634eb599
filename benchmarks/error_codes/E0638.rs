use std::alloc::{Layout, LayoutError};

struct Slab {
    blocks: Vec<Layout>,
}

impl Slab {
    fn reserve(&mut self, size: usize, align: usize) -> String {
        match Layout::from_size_align(size, align) {
            Ok(layout) => {
                self.blocks.push(layout);
                format!("block of {} aligned to {}", layout.size(), layout.align())
            }
            Err(LayoutError {}) => format!("cannot align {} to {}", size, align),
        }
    }
}

fn main() {
    let mut slab = Slab { blocks: Vec::new() };
    println!("{}", slab.reserve(48, 16));
    println!("{}", slab.reserve(48, 12));
    println!("{}", slab.reserve(5, 8));
    let bytes: usize = slab.blocks.iter().map(|b| b.pad_to_align().size()).sum();
    println!("{} bytes", bytes);
}
