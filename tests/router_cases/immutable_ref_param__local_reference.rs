fn main() {
    let mut rows = vec![1];
    let view = &rows;
    view.push(2);
    rows.clear();
}
