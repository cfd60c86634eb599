use std::collections::VecDeque;

enum Job {
    Print(u32),
    Shutdown,
}

fn drain(queue: &mut VecDeque<Job>) -> u32 {
    let mut pages = 0;
    while let Some(count) = match queue.pop_front() {
        Some(Job::Print(count)) => Some(count),
        Some(Job::Shutdown) => break,
        None => None,
    } {
        println!("printing {count}");
        pages += count;
    }
    pages
}

fn main() {
    let mut queue = VecDeque::from([Job::Print(3), Job::Print(8), Job::Shutdown, Job::Print(1)]);
    let pages = drain(&mut queue);
    println!("{pages} pages, {} job(s) left", queue.len());
}
