fn histogram(marks: &[u32], buckets: usize, top: u32) -> String {
    let mut counts = vec![0usize; buckets];
    for &mark in marks {
        let slot = (mark as usize * buckets / (top as usize + 1)).min(buckets - 1);
        counts[slot] += 1;
    }
    let mut out = String::new();
    for n in counts.iter() {
        out.push_str(&"*".repeat(*n));
        out.push('|');
    }
    out
}

fn main() {
    let marks = [3, 17, 55, 61, 62, 88, 100, 100];
    println!("{}", histogram(&marks, 4, 100));
    println!("{}", histogram(&marks, 2, 100));
}
