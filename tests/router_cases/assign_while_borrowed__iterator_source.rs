fn main() {
    let mut rows = vec![1, 2];
    for row in rows.iter() {
        if *row == 2 { rows = vec![]; }
    }
}
