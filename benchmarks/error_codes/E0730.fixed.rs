fn closed_loop<const N: usize>(stops: [u32; N]) -> bool {
    if let [first, .., last] = stops.as_slice() {
        return first == last;
    }
    false
}

struct Line {
    name: &'static str,
    circular: bool,
}

fn main() {
    let lines = [
        Line { name: "harbour ring", circular: closed_loop([3, 8, 12, 3]) },
        Line { name: "airport", circular: closed_loop([1, 40]) },
        Line { name: "depot", circular: closed_loop([5]) },
        Line { name: "planned", circular: closed_loop([]) },
    ];
    for line in &lines {
        println!("{:<13}{}", line.name, if line.circular { "circular" } else { "one way" });
    }
}
