use std::thread;

fn busiest(visits: &[u32]) -> (usize, u32) {
    let worker = thread::spawn(move || {
        let mut best = (0, 0);
        for (hour, count) in visits.iter().enumerate() {
            if *count > best.1 {
                best = (hour, *count);
            }
        }
        best
    });
    worker.join().unwrap()
}

fn main() {
    let museum = vec![0, 14, 35, 61, 44, 61, 20];
    let (hour, count) = busiest(&museum);
    println!("busiest hour {hour} with {count} visitors");
    println!("{} hours in all", museum.len());
}
