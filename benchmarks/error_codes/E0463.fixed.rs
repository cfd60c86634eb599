extern crate alloc as heap;

use heap::collections::VecDeque;
use heap::string::String;

struct Queue {
    waiting: VecDeque<String>,
}

impl Queue {
    fn join(&mut self, name: &str) -> usize {
        self.waiting.push_back(String::from(name));
        self.waiting.len()
    }
}

fn main() {
    let mut barber = Queue { waiting: VecDeque::new() };
    for name in ["Petra", "Goran", "Lio"] {
        println!("{} is number {}", name, barber.join(name));
    }
    println!("next: {:?}", barber.waiting.pop_front());
}
