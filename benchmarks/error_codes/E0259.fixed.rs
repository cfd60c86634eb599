extern crate alloc;
extern crate core;

use alloc::collections::VecDeque;
use std::fmt::Write;

struct Platform {
    waiting: VecDeque<&'static str>,
}

impl Platform {
    fn board(&mut self, seats: usize) -> String {
        let mut list = String::new();
        for _ in 0..seats {
            if let Some(name) = self.waiting.pop_front() {
                write!(list, "[{name}]").unwrap();
            }
        }
        list
    }
}

fn main() {
    let mut platform = Platform { waiting: VecDeque::from(["Ada", "Finn", "Mei"]) };
    println!("tram 1: {}", platform.board(2));
    println!("tram 2: {}", platform.board(2));
    println!("left: {}", core::cmp::max(platform.waiting.len(), 0));
}
