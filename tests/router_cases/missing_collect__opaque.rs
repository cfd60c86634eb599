fn odd(list: &[u32]) -> impl Iterator<Item = u32> + '_ { list.iter().copied().filter(|n| n % 2 == 1) }
fn main() {
    let all: Vec<u32> = odd(&[1, 2, 3]);
    println!("{}", all.len());
}
