fn main() {
    let mut n = vec![1];
    let r = &mut n;
    let mut c = || n.push(2);
    r.push(3);
    c();
}
