#[derive(Clone, Copy)]
struct Shift {
    start: u32,
    end: u32,
}

fn longest_gap(shifts: &[Shift]) -> u32 {
    let mut gap = 0;
    let mut last_end = shifts[0].end;
    for shift in &shifts[1..] {
        gap = gap.max(shift.start - last_end);
        last_end = shift.end;
    }
    gap
}

fn main() {
    let monday = [
        Shift { start: 6, end: 9 },
        Shift { start: 10, end: 13 },
        Shift { start: 17, end: 20 },
    ];
    let hours: u32 = monday.iter().map(|s| s.end - s.start).sum();
    println!("worked {hours} h");
    println!("longest gap {} h", longest_gap(&monday));
}
