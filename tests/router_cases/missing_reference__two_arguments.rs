fn join(left: &Vec<u8>, right: &[u8]) -> usize {
    left.len() + right.len()
}

fn main() {
    let a = vec![1];
    let b = vec![2, 3];
    println!("{}", join(a, b));
}
