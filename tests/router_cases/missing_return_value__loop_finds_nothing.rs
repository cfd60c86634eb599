fn first_gap(seats: &[bool]) -> Option<usize> {
    for place in 0..seats.len() {
        if !seats[place] {
            return Some(place);
        }
    }
}

fn main() {
    println!("{:?}", first_gap(&[true, false]));
}
