mod tides {
    #[macro_use(vec)]
    extern crate std as base;

    pub fn table(first: u32, count: usize) -> Vec<u32> {
        let mut times = base::vec![first; count];
        for (turn, time) in times.iter_mut().enumerate() {
            *time = (*time + 745 * turn as u32) % 1440;
        }
        times
    }
}

fn main() {
    for (turn, minute) in tides::table(95, 4).into_iter().enumerate() {
        let kind = if turn % 2 == 0 { "high" } else { "also high" };
        println!("{:02}:{:02} {}", minute / 60, minute % 60, kind);
    }
}
