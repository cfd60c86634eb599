struct Schedule {
    starts: Vec<u32>,
}

impl Schedule {
    fn next_after(&self, minute: u32) -> Option<u32> {
        self.starts.iter().copied().find(|s| *s > minute)
    }
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn main(args: Vec<String>) {
    let trams = Schedule { starts: vec![365, 410, 455, 500] };
    for now in [300, 430, 600] {
        match trams.next_after(now) {
            Some(start) => println!("{} -> {}", clock(now), clock(start)),
            None => println!("{} -> none", clock(now)),
        }
    }
}
