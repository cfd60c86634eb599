use std::mem::{align_of, size_of};

/// Width of a cache line on the target board, in bytes.
const CACHE_LINE: usize = 64;

// Fills exactly one cache line.
#[repr(align(60))]
struct Lane {
    hits: u64,
    misses: u64,
}

fn rate(lane: &Lane) -> u64 {
    100 * lane.hits / (lane.hits + lane.misses)
}

fn main() {
    let lanes = [Lane { hits: 30, misses: 10 }, Lane { hits: 9, misses: 1 }];
    for (i, lane) in lanes.iter().enumerate() {
        println!("lane {i}: {}%", rate(lane));
    }
    println!("aligned {}", align_of::<Lane>() == CACHE_LINE);
    println!("one line each {}", size_of::<Lane>() == CACHE_LINE);
}
