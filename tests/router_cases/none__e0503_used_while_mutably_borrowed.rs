fn main() {
    let mut level = 3;
    let handle = &mut level;
    while level > 1 { *handle -= 1; }
}
